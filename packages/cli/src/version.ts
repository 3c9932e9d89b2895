/** Equals the version of package.json; a test says so. Reading the file would cost every start. */
export const version = '0.1.0'
