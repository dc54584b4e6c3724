package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"canopy/app"
	"canopy/app/transfer"
	"canopy/app/transfer/document"
	"canopy/domain"
)

func importCommand() *cobra.Command {
	cfg := app.DefaultConfig()
	var options transfer.ImportOptions
	c := &cobra.Command{
		Use:   "import FILE",
		Short: "Import organizations, environments, groups and users",
		Long: "Import a directory document (.json), a table of users (.csv) or a list of environments (.txt or\n" +
			".environments, one path a line). What is missing is created, what differs is changed, nothing is deleted.\n" +
			"Each organization is one transaction: of one with a bad record nothing is written, and the others are\n" +
			"imported; of a file with lines that cannot be read nothing is. Everything that is wrong is named with\n" +
			"its line. A data folder without a directory gets one, made whole or not at all. A new directory that the\n" +
			"document does not begin itself gets its root and a superUser as it would from serve.\n\n" +
			"The columns of a table are named by its first row, in any order and case: alias, firstname, lastname,\n" +
			"mailaddress, environment, role, group, groups, envs, envsbloque, phone, jobtitle, service, language,\n" +
			"timezone, active, state, defaultpage, firstaccess, passworddelay, revokedelay. The separator may be a\n" +
			"comma, a semicolon or a tab. Lists in a cell are separated by semicolons.",
		Example: "  canopy import people.csv --create-environments\n  canopy import directory.json --dry-run",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := secrets(&cfg); err != nil {
				return err
			}
			doc, err := openDocument(args[0])
			if err != nil {
				return err
			}
			collect(50) // a large organization takes a hundred megabytes
			bar := progressbar.NewOptions(-1, progressbar.OptionSetVisibility(false))
			if term.IsTerminal(int(os.Stderr.Fd())) {
				options.Progress = func(done, all int) {
					if done == 1 {
						bar = progressbar.Default(int64(all), "users")
					}
					_ = bar.Set(done)
				}
			}
			report, begun, err := app.Import(c.Context(), cfg, doc, options) //nolint:early // what was begun stays
			_ = bar.Exit()
			if begun.Password != "" {
				fmt.Fprintf(c.OutOrStdout(), "A superUser was made. It is shown once: login %s, password %s\n", begun.Login,
					begun.Password)
			}
			if err != nil {
				writeProblems(c.ErrOrStderr(), report)
				return err
			}
			_, table := doc.(document.CSV)
			return writeReport(c.OutOrStdout(), c.ErrOrStderr(), report, options, table)
		},
	}
	directoryFlags(c.Flags(), &cfg)
	c.Flags().BoolVar(&options.DryRun, "dry-run", false, "report what would change, and change nothing")
	c.Flags().BoolVar(&options.CreateEnvironments, "create-environments", false,
		"make the environments that users name; one directly below the root becomes an organization")
	return c
}

// openDocument reads a file by the ending of its name.
func openDocument(path string) (document.Document, error) {
	if info, err := os.Stat(path); err != nil {
		return nil, err
	} else if info.IsDir() {
		return nil, fmt.Errorf("%s is a folder", path)
	}
	open := func() (io.ReadCloser, error) { return os.Open(path) }
	switch strings.ToLower(filepath.Ext(path)) {
	case ".json":
		return app.ReadJSON(open), nil
	case ".csv":
		return document.CSV{Open: open}, nil
	case ".txt", ".environments":
		return document.List{Open: open}, nil
	}
	return nil, fmt.Errorf("%s: the name must end in .json for a directory document, .csv for a table of users, "+
		"or .txt (or .environments) for a list of environments", path)
}

// writeReport says what an import did. It returns an error if something was refused.
func writeReport(out, problems io.Writer, r transfer.ImportReport, o transfer.ImportOptions, table bool) error {
	verb := ""
	if o.DryRun {
		verb = "would be "
	}
	fmt.Fprintf(out, "%d organizations %simported\n", r.Organizations, verb)
	type kind struct {
		name string
		transfer.Tally
	}
	kinds := []kind{{"environments", r.Environments}, {"groups", r.Groups}, {"users", r.Users}}
	if r.Listed {
		kinds = append(kinds, kind{"objects", r.Objects}, kind{"other rows", r.Rows})
	}
	for _, kind := range kinds {
		fmt.Fprintf(out, "%-13s %d %screated, %d %schanged, %d unchanged\n", kind.name+":", kind.Created, verb, kind.Updated,
			verb, kind.Unchanged)
	}
	if writeProblems(problems, r) && table && !o.CreateEnvironments {
		fmt.Fprintln(problems, "With --create-environments, environments that users name and that are not there are made.")
	}
	switch {
	case r.Unreadable:
		return errors.New("nothing was imported, because some of the lines above cannot be read")
	case len(r.Refused) > 0:
		return fmt.Errorf("not imported, because of the lines above: %s", strings.Join(r.Refused, ", "))
	case len(r.Problems) > 0:
		return errors.New("some lines were not imported")
	}
	return nil
}

// writeProblems says what is wrong, line by line, and reports whether a user names an environment
// that is not there.
func writeProblems(out io.Writer, r transfer.ImportReport) (unknown bool) {
	for _, p := range r.Problems {
		field := ""
		if p.Err.Field != "" {
			field = p.Err.Field + ": "
		}
		fmt.Fprintf(out, "line %d: %s%s\n", p.Line, field, p.Err.Public)
		unknown = unknown || domain.ErrEnvironmentNotFound.Is(p.Err) &&
			slices.Contains([]string{"environment", "envs", "envsbloque"}, p.Err.Field)
	}
	if r.MoreProblems > 0 {
		fmt.Fprintf(out, "and %d more\n", r.MoreProblems)
	}
	return unknown
}

func exportCommand() *cobra.Command {
	cfg := app.DefaultConfig()
	var options transfer.ExportOptions
	var format, output string
	c := &cobra.Command{
		Use:   "export",
		Short: "Export the directory, or one organization with everything below it",
		Long: "Export the directory, or one organization with everything below it, as a directory document or as a\n" +
			"table of users. The document holds everything but sessions, links and mail under way, what was counted\n" +
			"and seen of sign-ins, and the audit trail. What opens something is in it only with --hashes: hashes of\n" +
			"passwords, and the texts of API keys and registration codes, so keep that file as you keep the server's\n" +
			"key. Imported into an empty directory it gives the same one, numbers and ids included.",
		Example: "  canopy export > directory.json\n  canopy export --organization Acme --format csv --output acme.csv",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := secrets(&cfg); err != nil {
				return err
			}
			write, ok := map[string]func(io.Writer, document.Document) error{"json": document.WriteJSON,
				"csv": document.WriteCSV}[format]
			if !ok {
				return fmt.Errorf("--format: %q is neither json nor csv", format)
			}
			if options.Hashes && format != "json" {
				return errors.New("--hashes: only a directory document (--format json) can have hashes")
			}
			export := func(out io.Writer) error {
				return app.Export(c.Context(), cfg, options, func(doc document.Document) error { return write(out, doc) })
			}
			if output == "" {
				return export(c.OutOrStdout())
			}
			return replaceFile(output, export)
		},
	}
	directoryFlags(c.Flags(), &cfg)
	c.Flags().StringVar(&options.Organization, "organization", "",
		"path of the organization to export; everything if empty")
	c.Flags().BoolVar(&options.Hashes, "hashes", false,
		"add hashes of passwords, API keys and registration codes (directory document only)")
	c.Flags().StringVar(&format, "format", "json", "json for a directory document, csv for a table of users")
	c.Flags().StringVar(&output, "output", "", "file to write, readable by its owner only; standard output if empty")
	return c
}

// replaceFile writes a file that only its owner can read. What was there before stays if write
// fails. What is no file, such as a pipe, is written to as it is.
func replaceFile(path string, write func(io.Writer) error) error {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		return errors.Join(write(f), f.Close())
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // it is gone when all went well
	if err := write(f); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
