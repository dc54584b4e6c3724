// Package faultdb breaks databases for tests: a statement of one's choice fails, as it does when
// the disk is full, the connection is lost or the request's time is up. It stands between the
// directory and its drivers (persistence.Through), so that all the rest is real.
package faultdb
