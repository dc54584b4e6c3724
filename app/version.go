package app

import "runtime/debug"

// Version returns the version of the program, "devel" if it is none.
func Version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "devel"
}
