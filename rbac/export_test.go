package rbac

// Ask is ask, past the cache, for benchmarks.
var Ask = (*Engine).ask
