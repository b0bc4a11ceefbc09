// A tar archive of one file: what a layer is made of (POSIX ustar).

const BLOCK = 512

/** The header in front of a file of `size` bytes. */
export function tarHeader(name: string, size: number): Buffer {
  const header = Buffer.alloc(BLOCK)
  header.write(name, 0, 100)
  header.write('0000644\0', 100) // mode
  header.write('0000000\0', 108) // user
  header.write('0000000\0', 116) // group
  header.write(`${size.toString(8).padStart(11, '0')}\0`, 124)
  header.write('00000000000\0', 136) // time
  header.write('        0', 148) // the checksum counts as blanks; then the type, a plain file
  header.write('ustar\u000000', 257)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return header
}

/** What follows a file of `size` bytes: filling up its last block, and the end of the archive. */
export function tarTrailer(size: number): Buffer {
  return Buffer.alloc(((BLOCK - (size % BLOCK)) % BLOCK) + 2 * BLOCK)
}
