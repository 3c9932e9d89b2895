import { expect, it } from 'vitest'
import { renderTable } from './table.ts'
import { truncateMiddle, widthOf } from './text.ts'

const columns = [{ title: 'NAME' }, { title: 'COUNT' }, { title: 'NOTE' }]

it('aligns texts left, numbers right, and leaves no blanks at the end', () => {
  expect(
    renderTable(columns, [
      ['a', 1, 'x'],
      ['longer', 1_000, ''],
    ]),
  ).toBe(['NAME    COUNT  NOTE', 'a           1  x', 'longer   1000', ''].join('\n'))
})

it('aligns texts right when told to', () => {
  expect(renderTable([{ title: 'RATE', align: 'right' }], [['1 MiB/s'], ['100 MiB/s']])).toBe(
    ['     RATE', '  1 MiB/s', '100 MiB/s', ''].join('\n'),
  )
})

it('keeps a column right although a cell of it is empty', () => {
  expect(
    renderTable(
      [{ title: 'N' }, { title: 'M' }],
      [
        [1, ''],
        ['', 22],
      ],
    ),
  ).toBe(['N   M', '1', '   22', ''].join('\n'))
})

it('cuts long names in the middle to fit, and no number', () => {
  const rows = [['a-very-long-name-that-differs-at-its-end-1', 123_456, 'short']]
  const text = renderTable(columns, rows, { columns: 40 })
  for (const line of text.trimEnd().split('\n')) expect(widthOf(line)).toBeLessThanOrEqual(40)
  expect(text).toContain('123456')
  expect(text).toContain('end-1')
})

it('gives up fitting rather than cut to nothing', () => {
  const text = renderTable(columns, [['a-long-name', 1, 'a-long-note']], { columns: 5 })
  expect(text.split('\n')[1]).toBe('a-lo…ame      1  a-lo…ote')
})

it('prints a table without rows', () => {
  expect(renderTable(columns, [])).toBe('NAME  COUNT  NOTE\n')
})

it('lets no control character through', () => {
  expect(renderTable([{ title: 'N' }], [['a\u001b[2Jb\n']])).toBe('N\na\ufffd[2Jb\ufffd\n')
})

it.each([
  ['abcdefg', 7, 'abcdefg'],
  ['abcdefg', 6, 'abc…fg'],
  ['abcdefg', 3, 'a…g'],
  ['abcdefg', 2, 'a…'],
  ['abcdefg', 1, '…'],
  ['abcdefg', 0, ''],
  ['😀😀😀😀', 3, '😀…😀'],
])('cuts %s to %i columns as "%s"', (text, width, expected) => {
  expect(truncateMiddle(text, width)).toBe(expected)
})
