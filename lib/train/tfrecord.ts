/** @file TFRecord, the framing of TensorBoard's files: length and content, each with its checksum. */

/**
 * One record: length (8 bytes, little-endian), masked CRC-32C of these, content, masked CRC-32C of the content.
 * Format: tensorflow.org/tutorials/load_data/tfrecord.
 */
export function frameRecord(content: Uint8Array): Uint8Array {
  const record = Buffer.alloc(content.length + 16)
  record.writeBigUInt64LE(BigInt(content.length), 0)
  record.writeUInt32LE(maskedCrc(record.subarray(0, 8)), 8)
  record.set(content, 12)
  record.writeUInt32LE(maskedCrc(content), 12 + content.length)
  return record
}

/** Masked so that the checksum of data that holds checksums stays useful. */
function maskedCrc(bytes: Uint8Array): number {
  const crc = crc32c(bytes)
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}

/** CRC-32C (Castagnoli), reflected polynomial 0x82f63b78. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (let i = 0; i < bytes.length; i++) crc = (crc >>> 8) ^ TABLE[(crc ^ bytes[i]!) & 0xff]!
  return (crc ^ 0xffffffff) >>> 0
}

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  return crc
})
