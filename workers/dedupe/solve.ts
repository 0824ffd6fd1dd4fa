/** Gauss' elimination with pivots. Pure, but for the matrix and the vector, which it uses up. */

/** `matrix` row by row. undefined when the equations don't tell the unknowns apart. */
export function solve(matrix: Float64Array, vector: Float64Array): Float64Array | undefined {
  const n = vector.length
  const at = (row: number, column: number) => matrix[row * n + column] as number
  for (let column = 0; column < n; column++) {
    let pivot = column
    for (let row = column + 1; row < n; row++) {
      if (Math.abs(at(row, column)) > Math.abs(at(pivot, column))) pivot = row
    }
    if (Math.abs(at(pivot, column)) < 1e-6) return undefined
    swap(matrix, vector, pivot, column)
    for (let row = 0; row < n; row++) {
      if (row === column) continue
      const factor = at(row, column) / at(column, column)
      for (let k = column; k < n; k++) matrix[row * n + k] = at(row, k) - factor * at(column, k)
      vector[row] = (vector[row] as number) - factor * (vector[column] as number)
    }
  }
  return vector.map((value, i) => value / at(i, i))
}

function swap(matrix: Float64Array, vector: Float64Array, a: number, b: number): void {
  if (a === b) return
  const n = vector.length
  const row = matrix.slice(a * n, (a + 1) * n)
  matrix.copyWithin(a * n, b * n, (b + 1) * n)
  matrix.set(row, b * n)
  const value = vector[a] as number
  vector[a] = vector[b] as number
  vector[b] = value
}
