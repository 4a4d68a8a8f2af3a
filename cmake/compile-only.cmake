# Compiles all of native/ but its tests for another platform, and links nothing: finds what does not port, early.
# The libraries' headers are the host's; they stand in a folder of their own, since /usr/include would bring the
# host's C library along.
file(GLOB HOST_BLAS LIST_DIRECTORIES true /usr/include/*/openblas-*)
find_path(HOST_OPENBLAS cblas.h PATHS ${HOST_BLAS} NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH REQUIRED)
find_path(HOST_HWY highway.h PATHS /usr/include/hwy NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH REQUIRED)
find_path(HOST_EIGEN Eigen/Dense PATHS /usr/include/eigen3 NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH REQUIRED)
set(HEADERS ${CMAKE_BINARY_DIR}/headers)
file(MAKE_DIRECTORY ${HEADERS})
file(CREATE_LINK ${HOST_HWY} ${HEADERS}/hwy SYMBOLIC)
# OpenBLAS writes down for which system it was made, and declares functions of that system.
string(TOUPPER ${CMAKE_SYSTEM_NAME} SYSTEM)
file(READ ${HOST_OPENBLAS}/openblas_config.h OPENBLAS_CONFIG)
string(REPLACE OPENBLAS_OS_LINUX OPENBLAS_OS_${SYSTEM} OPENBLAS_CONFIG "${OPENBLAS_CONFIG}")
file(WRITE ${HEADERS}/openblas_config.h "${OPENBLAS_CONFIG}")
file(COPY ${HOST_OPENBLAS}/cblas.h DESTINATION ${HEADERS})

add_library(tenon_objects OBJECT ${CORE_SOURCES} ${BINDING_SOURCES})
target_include_directories(tenon_objects PRIVATE native)
target_include_directories(tenon_objects SYSTEM PRIVATE ${HEADERS} ${HOST_EIGEN}
  ${CMAKE_JS_INC})
# -O1: the optimiser's later passes find nothing that does not port.
target_compile_options(tenon_objects PRIVATE ${TENON_COMPILE_OPTIONS} -O1)
target_compile_definitions(tenon_objects PRIVATE ${TENON_NODE_DEFINITIONS} TENON_FEWER_TARGETS)
