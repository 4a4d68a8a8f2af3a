# Compiles all of native/ but its tests for another platform, and links nothing: finds what does not port, early.
# Highway's headers are the host's; they stand in a folder of their own, since /usr/include would bring the host's C
# library along.
find_path(HOST_HWY highway.h PATHS /usr/include/hwy NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH REQUIRED)
set(HEADERS ${CMAKE_BINARY_DIR}/headers)
file(MAKE_DIRECTORY ${HEADERS})
file(CREATE_LINK ${HOST_HWY} ${HEADERS}/hwy SYMBOLIC)

add_library(tenon_objects OBJECT ${CORE_SOURCES} ${BINDING_SOURCES})
target_include_directories(tenon_objects PRIVATE native)
target_include_directories(tenon_objects SYSTEM PRIVATE ${HEADERS} ${CMAKE_JS_INC})
# -O1: the optimiser's later passes find nothing that does not port.
target_compile_options(tenon_objects PRIVATE ${TENON_COMPILE_OPTIONS} -O1)
target_compile_definitions(tenon_objects PRIVATE ${TENON_NODE_DEFINITIONS} TENON_FEWER_TARGETS)
