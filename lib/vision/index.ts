/** @file The names of the namespace `vision`. */
export { DigitNet } from './digit-net.ts'
export { drawDigits } from './digits.ts'
export type { DrawDigitsOptions, DrawnDigits } from './digits.ts'
export { CLIP } from './clip.ts'
export type { CLIPOutput } from './clip.ts'
export type { CLIPConfig, CLIPTextConfig, CLIPVisionConfig } from './clip-config.ts'
export { ViT, ViTClassifier } from './vit.ts'
export type { ViTConfig } from './vit.ts'
