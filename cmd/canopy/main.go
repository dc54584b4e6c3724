package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"canopy/domain"
)

func main() {
	collect(400) // the live heap is small, so the default would collect every few requests
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	if err := command().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "canopy:", explain(err))
		os.Exit(1)
	}
}

// collect sets how much the heap grows between two collections, in percent, unless the environment does.
func collect(percent int) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}

// explain returns the one line that says what went wrong.
func explain(err error) string {
	var known *domain.Error
	if !errors.As(err, &known) {
		return strings.ReplaceAll(err.Error(), "\n", " ")
	}
	line := known.Public
	if known.Field != "" {
		line = known.Field + ": " + line
	}
	if known.Kind == domain.Internal || known.Kind == domain.Unavailable {
		if cause := known.Unwrap(); cause != nil {
			line += " (" + strings.ReplaceAll(cause.Error(), "\n", " ") + ")"
		}
	}
	return line
}

// command returns the program with all its commands.
func command() *cobra.Command {
	root := &cobra.Command{
		Use:   "canopy",
		Short: "Keep the users of many organizations, and decide who may do what, where",
		Long: "Canopy is one server that keeps the users of many organizations, each with its own tree of\n" +
			"environments, and decides who may do what, where.\n\n" +
			"Every flag is also an environment variable: --database-url is CANOPY_DATABASE_URL. Flags win.",
		Example: "  canopy serve --demo\n  canopy import people.csv --create-environments\n  canopy explain --user " +
			"grace.hopper --permission user:update --environment Acme/Prod",
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(c *cobra.Command, _ []string) error {
			for _, line := range misspelt(c.Root(), os.Environ()) {
				fmt.Fprintln(c.ErrOrStderr(), "canopy: "+line)
			}
			return fromEnvironment(c.Flags())
		},
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return flagError(err) })
	root.AddCommand(serveCommand(), migrateCommand(), importCommand(), exportCommand(), backupCommand(), restoreCommand(),
		userCommand(), signInCommand(), providerCommand(), keysCommand(), explainCommand(), healthCommand(), printCommand(),
		versionCommand())
	completeHelp(root)
	return root
}

// variable returns the name of the environment variable that a flag also is.
func variable(f *pflag.Flag) string {
	return "CANOPY_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
}

// fromEnvironment gives each flag that was not given the value of its variable.
func fromEnvironment(flags *pflag.FlagSet) error {
	var failed error
	flags.VisitAll(func(f *pflag.Flag) {
		name := variable(f)
		value, given := os.LookupEnv(name)
		if !given || f.Changed || f.Name == "help" {
			return
		}
		if err := flags.Set(f.Name, value); err != nil && failed == nil {
			failed = fmt.Errorf("%s: %q: %s", name, value, expected(f))
		}
	})
	return failed
}

// flagError says what would be right in place of a value that a flag does not take.
func flagError(err error) error {
	var value *pflag.InvalidValueError
	if !errors.As(err, &value) {
		return err
	}
	return fmt.Errorf("--%s: %q: %s", value.GetFlag().Name, value.GetValue(), expected(value.GetFlag()))
}

// expected says what values a flag takes, by its type.
func expected(f *pflag.Flag) string {
	switch f.Value.Type() {
	case "bool":
		return "true or false is expected"
	case "duration":
		return "a time such as 90s, 30m or 12h is expected"
	case "int", "int64":
		return "a whole number is expected"
	case "float64":
		return "a number is expected"
	case "stringToInt64":
		return "names with numbers, such as address=5,overall=1000, are expected"
	}
	return "this value cannot be read"
}

// secretVariables are the variables that have no flags; each may also end in _FILE.
var secretVariables = []string{"CANOPY_ADMIN_PASSWORD", "CANOPY_SERVER_KEY", "CANOPY_SMTP_PASSWORD", "CANOPY_PASSWORD",
	clientSecret}

// misspelt returns a line for each variable of the environment that looks like a setting and is
// none, with the one that is spelt most like it. Those of the tests are theirs.
func misspelt(root *cobra.Command, environment []string) []string {
	known := make(map[string]bool)
	for _, name := range secretVariables {
		known[name], known[name+"_FILE"] = true, true
	}
	var add func(c *cobra.Command)
	add = func(c *cobra.Command) {
		note := func(f *pflag.Flag) { known[variable(f)] = true }
		c.LocalFlags().VisitAll(note)
		c.PersistentFlags().VisitAll(note)
		for _, sub := range c.Commands() {
			add(sub)
		}
	}
	add(root)
	names := slices.Sorted(maps.Keys(known))
	var lines []string
	for _, entry := range environment {
		name, _, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, "CANOPY_") || strings.HasPrefix(name, "CANOPY_TEST_") || known[name] {
			continue
		}
		line := name + " is no setting and is ignored"
		nearest := slices.MinFunc(names, func(a, b string) int { return distance(name, a) - distance(name, b) })
		if distance(name, nearest) <= len(name)/3 {
			line += "; did you mean " + nearest + "?"
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return lines
}

// distance is how many letters must be put in, taken out or replaced to make b of a (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := before
			if a[i] != b[j] {
				cost++
			}
			before = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// secret returns the value of an environment variable, or of the file that the variable
// with _FILE behind its name names. It is empty if there is neither; a file must have one.
func secret(name string) (string, error) {
	if value := os.Getenv(name); value != "" {
		return value, nil
	}
	path := os.Getenv(name + "_FILE")
	if path == "" {
		return "", nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("%s_FILE: %w", name, err)
	}
	value := strings.TrimRight(string(text), "\r\n")
	if value == "" {
		return "", fmt.Errorf("%s_FILE: %s is empty", name, path)
	}
	return value, nil
}
