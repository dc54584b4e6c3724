//go:build !race

package testdb

// Race says that the race detector is there: everything is several times slower and larger than it
// would be.
const Race = false
