/** Columns that a text takes, counting every character as one. */
export function widthOf(text: string): number {
  return [...text].length
}

/** The beginning and the end of a text that is too long, which is where names differ. */
export function truncateMiddle(text: string, width: number): string {
  const characters = [...text]
  if (characters.length <= width) return text
  if (width <= 1) return '…'.slice(0, Math.max(0, width))
  const head = Math.ceil((width - 1) / 2)
  const tail = width - 1 - head
  return `${characters.slice(0, head).join('')}…${tail === 0 ? '' : characters.slice(-tail).join('')}`
}

/** Control characters in a name from a URL could move the cursor or recolour the terminal. */
export function printable(text: string): string {
  return text.replace(/\p{C}/gu, '\ufffd')
}

export function padEnd(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - widthOf(text)))
}

export function padStart(text: string, width: number): string {
  return ' '.repeat(Math.max(0, width - widthOf(text))) + text
}
