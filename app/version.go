package app

import "runtime/debug"

// Build says from what the program was built.
type Build struct {
	Version  string // "devel" if it is none
	Revision string // of the source, empty if it is not known
	Go       string
}

// ReadBuild returns from what the program was built.
func ReadBuild() Build {
	b := Build{Version: "devel"}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	b.Go = info.GoVersion
	if info.Main.Version != "" {
		b.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			b.Revision = s.Value
		}
	}
	return b
}
