/** @file Products. */
import * as tenon from '../../../../lib/index.ts'
import type { Calls } from '../adapter.ts'

export const calls: Calls = {
  'torch.matmul': ({ input, other }) => tenon.matmul(input, other),
  'torch.mm': ({ input, mat2 }) => tenon.mm(input, mat2),
  'torch.bmm': ({ input, mat2 }) => tenon.bmm(input, mat2),
  'torch.mv': ({ input, vec }) => tenon.mv(input, vec),
  'torch.dot': ({ input, tensor }) => tenon.dot(input, tensor),
  'torch.outer': ({ input, vec2 }) => tenon.outer(input, vec2),
  'torch.addmm': ({ input, mat1, mat2, beta, alpha }) => tenon.addmm(input, mat1, mat2, { beta, alpha }),
  'torch.addmv': ({ input, mat, vec, beta, alpha }) => tenon.addmv(input, mat, vec, { beta, alpha }),
  'torch.addr': ({ input, vec1, vec2, beta, alpha }) => tenon.addr(input, vec1, vec2, { beta, alpha }),
  'torch.baddbmm': ({ input, batch1, batch2, beta, alpha }) => tenon.baddbmm(input, batch1, batch2, { beta, alpha }),
  'torch.addbmm': ({ input, batch1, batch2, beta, alpha }) => tenon.addbmm(input, batch1, batch2, { beta, alpha }),
  'torch.linalg.multi_dot': ({ tensors }) => tenon.multiDot(tensors),
  'torch.kron': ({ input, other }) => tenon.kron(input, other),
  'torch.einsum': ({ equation, operands }) => tenon.einsum(equation, ...(operands as tenon.Tensor[])),
  'torch.tensordot': ({ a, b, dims }) => tenon.tensordot(a, b, dims),
  'torch.nn.functional.linear': ({ input, weight, bias }) => tenon.linear(input, weight, bias),
  'torch.nn.functional.bilinear': ({ input1, input2, weight, bias }) => tenon.bilinear(input1, input2, weight, bias),
  'torch.cdist': ({ x1, x2, p }) => tenon.cdist(x1, x2, { p }),
}
