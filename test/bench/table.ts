/** Tables in Markdown whose columns line up, for a terminal as well as for a page. Pure. */

/** The first row is the head; the first column is flush left, the others flush right. */
export function table(rows: readonly (readonly string[])[]): string {
  const columns = Math.max(...rows.map(row => row.length))
  // A column is never narrower than the `-:` under its head.
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(2, ...rows.map(row => [...(row[column] ?? '')].length)),
  )
  const line = (row: readonly string[]) => {
    const cells = widths.map((width, column) => {
      const cell = row[column] ?? ''
      const space = ' '.repeat(width - [...cell].length)
      return column === 0 ? cell + space : space + cell
    })
    return `| ${cells.join(' | ')} |`
  }
  const [head = [], ...body] = rows
  const rule = widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`))
  return [head, rule, ...body].map(line).join('\n')
}
