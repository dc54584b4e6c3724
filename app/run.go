package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"canopy/persistence"
)

// stopWithin is how long requests under way may take after the server was told to stop.
const stopWithin = 20 * time.Second

// Run opens the directory, begins it if it is new, and serves it until ctx ends. What a
// person at a terminal should know it writes to out, the address only once requests are
// answered.
func Run(ctx context.Context, cfg Config, out io.Writer) error {
	db, err := OpenDatabase(ctx, &cfg)
	if err != nil {
		return err
	}
	release, err := db.LockSQLite()
	if err != nil {
		db.Close()
		return err
	}
	defer release() //nolint:errcheck // the lock ends with the process
	d, err := Wire(ctx, cfg, db)
	if err != nil {
		db.Close()
		return err
	}
	s, err := NewServer(d)
	if err != nil {
		db.Close()
		return err
	}
	// A password that is made for a new directory is shown once, so what may fail comes before.
	welcome, err := prepare(ctx, &cfg, db)
	if err != nil {
		s.listener.Close()
		db.Close()
		return err
	}
	if err := d.checkSignUp(ctx); err != nil {
		welcome.write(out, s.Address(), &cfg)
		s.listener.Close()
		db.Close()
		return err
	}
	if cfg.SMTPURL == "" {
		cfg.Log.Info("no mail server is configured; mail is written into a folder", "folder", filepath.Join(cfg.Data, mailFolder))
	}
	jobs, stopJobs := context.WithCancel(ctx)
	defer stopJobs()
	finish := d.runJobs(jobs)
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	fmt.Fprintf(out, "Canopy listens on %s\n", s.Address())
	welcome.write(out, s.Address(), &cfg)

	select {
	case err = <-served:
	case <-ctx.Done():
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
		defer cancel()
		err = s.Stop(stop)
	}
	stopJobs()
	finish()
	return errors.Join(err, d.Close())
}

// welcome is what to tell about a directory that began just now.
type welcome struct {
	Begun
	demo     bool
	password string // of everybody of the demo
}

// prepare begins an empty directory, and fills it for the demo.
func prepare(ctx context.Context, cfg *Config, db *persistence.DB) (welcome, error) {
	settings := persistence.NewSettingStore(db)
	if cfg.Demo {
		there, err := exists(ctx, db)
		if err != nil {
			return welcome{}, err
		}
		demo, err := settings.Get(ctx, "demo")
		if err != nil {
			return welcome{}, err
		}
		if there && demo == "" {
			return welcome{}, errors.New("the directory is not empty; --demo fills only an empty one")
		}
		if there {
			return welcome{demo: true}, nil
		}
		if cfg.AdminPassword == "" {
			cfg.AdminPassword = rand.Text()[:12]
		}
	}
	begun, err := Begin(ctx, cfg, db)
	if err != nil || !cfg.Demo {
		return welcome{Begun: begun}, err
	}
	if err := FillDemo(ctx, cfg, db, cfg.AdminPassword); err != nil {
		return welcome{}, fmt.Errorf("fill the demo: %w", err)
	}
	_, err = settings.Keep(ctx, "demo", "yes")
	return welcome{Begun: begun, demo: true, password: cfg.AdminPassword}, err
}

func (w welcome) write(out io.Writer, address string, cfg *Config) {
	insecure := ""
	if cfg.TLSSelfSigned {
		insecure = "-k "
	}
	switch {
	case w.demo && w.New:
		fmt.Fprintf(out, "\nThe demo has three organizations. Everybody's password is %s\n", w.password)
		fmt.Fprintf(out, "  admin          superUser of the whole tree\n")
		fmt.Fprintf(out, "  grace.hopper   admin of the organization Acme\n")
		fmt.Fprintf(out, "\nTry it:\n  curl %s-u admin:%s '%s/rest/users?limit=3'\n", insecure, w.password, address)
	case w.demo:
		fmt.Fprintf(out, "\nThe demo is there from before. For a new password: canopy user set-password admin\n")
	case w.Password != "":
		fmt.Fprintf(out, "\nA superUser was made. It is shown once:\n  login     %s\n  password  %s\n", w.Login, w.Password)
	case w.New && w.Login == "":
		fmt.Fprintf(out, "\nThe directory is empty. The first user created becomes its superUser.\n")
	}
}
