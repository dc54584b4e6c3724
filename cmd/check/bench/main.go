package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"canopy/cmd/check/requests"
	"canopy/persistence/skewed"
	"canopy/persistence/testdb"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := measure(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

const usage = `Usage: go run ./cmd/check/bench [flags]

It serves a directory of a million people in organizations of very different sizes on SQLite and on
PostgreSQL, sends the requests of one table as people of different reach, and writes how long they took as
Markdown. With -against COMMIT it builds the program of that commit too, whose directory both get, and sends
each request to the one and the other in turns.

The first run fills the directories, which takes some minutes and four gigabytes; they are kept in -data, and
in the database million of -postgres.

Flags:
`

// settings are what the command line chooses.
type settings struct {
	against, data, postgres string
	engines                 string
	only                    *regexp.Regexp
	users, samples          int
}

func parse(args []string, out io.Writer) (s settings, err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.Usage = func() {
		fmt.Fprint(out, usage)
		flags.PrintDefaults()
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return s, err
	}
	flags.StringVar(&s.against, "against", "", "a `commit` to compare with")
	flags.StringVar(&s.data, "data", cache+"/canopy-bench", "`folder` to keep the filled directory in")
	flags.StringVar(&s.postgres, "postgres", "",
		"`URL` of the database postgres of a server; one is started if empty")
	flags.StringVar(&s.engines, "engines", "sqlite,postgres", "what to measure")
	only := flags.String("only", "", "measure only rows whose name this `expression` finds")
	flags.IntVar(&s.users, "users", skewed.Million.Users, "how many people, for a directory that is filled")
	flags.IntVar(&s.samples, "samples", 15, "how often each request is sent")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	s.only, err = regexp.Compile(*only)
	return s, err
}

func measure(ctx context.Context, args []string, out io.Writer) error {
	s, err := parse(args, os.Stderr)
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "canopy-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	var programs []program
	for _, commit := range slices.Compact([]string{s.against, ""}) {
		p, err := build(ctx, folder, commit)
		if err != nil {
			return err
		}
		programs = append(programs, p)
	}
	var engines []engine
	for name := range strings.SplitSeq(s.engines, ",") {
		switch name {
		case "sqlite":
			engines = append(engines, files{s.data})
		case "postgres":
			if s.postgres == "" {
				c, err := testdb.Start(ctx)
				if err != nil {
					return err
				}
				defer c.Stop()
				s.postgres = c.URL("postgres")
			}
			engines = append(engines, cluster{s.postgres})
		default:
			return fmt.Errorf("there is no engine %q", name)
		}
	}
	var tables []*table
	for _, e := range engines {
		t, err := s.run(ctx, e, programs)
		if err != nil {
			return err
		}
		tables = append(tables, t)
	}
	write(out, tables)
	return nil
}

// run measures all rows on one engine.
func (s *settings) run(ctx context.Context, e engine, programs []program) (*table, error) {
	place, there, err := e.template(ctx)
	if err != nil {
		return nil, err
	}
	if !there {
		size := skewed.Directory{Organizations: s.users / 100, Environments: s.users / 10, Users: s.users, Blocks: 1000}
		if err := programs[0].fill(ctx, place, size); err != nil {
			return nil, err
		}
	}
	t := &table{engine: e.name()}
	var visitors [][]*requests.Visitor // by program, then by reach
	for i, p := range programs {
		place, remove, err := e.copy(ctx, fmt.Sprintf("%d_%d", os.Getpid(), i))
		if err != nil {
			return nil, err
		}
		defer remove() //nolint:errcheck // the copy is temporary
		running, err := p.start(ctx, place)
		if err != nil {
			return nil, err
		}
		defer running.stop() //nolint:errcheck // nobody uses it any more
		t.programs = append(t.programs, p.name)
		var all []*requests.Visitor
		for _, r := range requests.Reaches {
			v, err := requests.Visit(running.address, r.Login, password)
			if err != nil {
				return nil, err
			}
			if i > 0 { // both are asked the same, as far as their cursors are
				for name, fact := range visitors[0][len(all)].Facts {
					if !strings.HasPrefix(name, "after") {
						v.Facts[name] = fact
					}
				}
			}
			all = append(all, v)
		}
		visitors = append(visitors, all)
	}
	for i := range requests.All {
		r := &requests.All[i]
		if !s.only.MatchString(r.Name) {
			continue
		}
		m := measured{request: r}
		for of := range requests.Reaches {
			var asked []*requests.Visitor
			for p := range programs {
				asked = append(asked, visitors[p][of])
			}
			m.cells = append(m.cells, s.sample(ctx, asked, r))
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		t.rows = append(t.rows, m)
		fmt.Fprintln(os.Stderr, e.name(), m.line())
	}
	return t, s.count(t, visitors)
}
