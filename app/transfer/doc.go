// Package transfer moves whole organizations in and out of a directory: import and export in
// the formats of package document. It is for whoever works on the directory itself: it asks for
// no caller, and names its operator in the audit trail. The rules of users, groups and
// environments are those of package directory, on which it builds.
//
// A document holds everything of the directory but sessions (with the keys that sign them),
// links and mail under way, what was counted and seen of sign-ins, and the audit trail. A test
// of persistence holds that: a table that is added is either in it or among the exceptions.
// What opens something is in it only if it was asked for, in plain text, because where it is
// stored it is hashed or sealed under the server's key: hashes of passwords, API keys and
// registration codes. What is imported is sealed anew, under the key of the importing server.
package transfer
