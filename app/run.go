package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"time"

	"canopy/app/surface/console"
	"canopy/persistence"
	"canopy/persistence/db"
)

// stopWithin is how long requests under way may take after the server was told to stop.
const stopWithin = 20 * time.Second

// leastSilence is how long the database may be silent in a statement where a third of the time of a
// request is less.
const leastSilence = 2 * time.Second

// Run opens the directory, begins it if it is new, and serves it until ctx ends. What a
// person at a terminal should know it writes to out, the address only once requests are
// answered. What can be known to fail before the directory is touched does.
func Run(ctx context.Context, cfg Config, out io.Writer) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	l, err := Listen(&cfg)
	if err != nil {
		return err
	}
	defer l.Close()
	db, err := ConnectDatabase(ctx, &cfg)
	if err != nil {
		return err
	}
	defer db.Close()
	release, err := db.LockSQLite()
	if err != nil {
		return err
	}
	defer release() //nolint:errcheck // the lock ends with the process
	if _, err := Migrate(ctx, db); err != nil {
		return err
	}
	d, err := Wire(ctx, cfg, db)
	if err != nil {
		return err
	}
	s, err := NewServer(d, l)
	if err != nil {
		return err
	}
	// A password that is made for a new directory is shown once, so what may fail comes before.
	welcome, err := prepare(ctx, &cfg, db)
	if err != nil {
		return err
	}
	if err := d.checkSignUp(ctx); err != nil {
		welcome.write(out, s)
		return err
	}
	return errors.Join(d.serve(ctx, s, func() {
		fmt.Fprintf(out, "Canopy listens on %s\nIts APIs are described at %s/docs\n", s.Address(), s.Address())
		welcome.write(out, s)
	}), d.Close())
}

// serve answers requests and does the server's jobs until ctx ends. It calls ready when
// requests are answered.
func (d *Directory) serve(ctx context.Context, s *Server, ready func()) error {
	cfg := &d.config
	if cfg.SMTPURL == "" {
		cfg.Log.Info("no mail server is configured; mail is written into a folder", "folder", cfg.mailFolder())
	}
	d.DB.Watch(max(cfg.RequestLimit/3, leastSilence))
	jobs, stopJobs := context.WithCancel(context.WithoutCancel(ctx))
	finish := d.background.run(jobs)
	defer finish()
	defer stopJobs()
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	if s.exposed() {
		cfg.Log.Warn("passwords can be read on their way: the server answers other machines without TLS; "+
			"use --tls-cert, or a proxy with TLS and --trusted-proxies", "address", s.Address())
	}
	if names, err := d.watch.unknownSteps(ctx); err == nil && len(names) > 0 {
		cfg.Log.Warn("the database has steps that this program does not have: a newer program ran them", "steps", names)
	}
	cfg.Log.Info("started", "version", ReadBuild().Version, "address", s.Address(), "engine", d.DB.Engine())
	ready()

	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	s.announce()
	stopJobs()
	cfg.Log.Info("stopping", "within", stopWithin.String())
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer cancel()
	err := s.Stop(stop)
	cfg.Log.Info("stopped")
	return err
}

// announce says that the server is about to stop, to whoever asks whether it is ready, and leaves them
// the grace for sending requests elsewhere. All are answered meanwhile.
func (s *Server) announce() {
	s.stopping.Store(true)
	if s.config.StopGrace == 0 {
		return
	}
	s.config.Log.Info("about to stop; requests are still taken", "for", s.config.StopGrace.String())
	time.Sleep(s.config.StopGrace)
}

// welcome is what to tell about a directory that began just now.
type welcome struct {
	Begun
	demo     bool
	password string // of everybody of the demo, if it was filled now
}

// The settings of a demo: it was begun, and it is complete.
const (
	demoBegun    = "demo_begun"
	demoComplete = "demo"
)

// prepare begins an empty directory, and fills it for the demo. A demo whose start broke off
// is filled again, with the password of this start for everybody.
func prepare(ctx context.Context, cfg *Config, db *db.DB) (welcome, error) {
	if !cfg.Demo {
		begun, err := Begin(ctx, cfg, db)
		if err == nil && cfg.AdminPassword != "" && begun.Login == "" {
			cfg.Log.Info("CANOPY_ADMIN_PASSWORD was not used: it is for the superUser of a new directory")
		}
		return welcome{Begun: begun}, err
	}
	settings := persistence.NewSettingStore(db)
	there, err := exists(ctx, db)
	if err != nil {
		return welcome{}, err
	}
	complete, err := settings.Get(ctx, demoComplete)
	if err != nil {
		return welcome{}, err
	}
	if complete != "" {
		if cfg.AdminPassword != "" {
			cfg.Log.Info("CANOPY_ADMIN_PASSWORD was not used: it is for a new directory")
		}
		return welcome{demo: true}, nil
	}
	begun, err := settings.Get(ctx, demoBegun)
	if err != nil {
		return welcome{}, err
	}
	if there && begun == "" {
		return welcome{}, errors.New("the directory is not empty; --demo fills only an empty one")
	}
	if _, err := settings.Keep(ctx, demoBegun, "yes"); err != nil {
		return welcome{}, err
	}
	if cfg.AdminPassword == "" {
		cfg.AdminPassword = rand.Text()[:12]
	}
	if err := fillDemo(ctx, cfg, db, !there); err != nil {
		return welcome{}, fmt.Errorf("fill the demo: %w", err)
	}
	_, err = settings.Keep(ctx, demoComplete, "yes")
	return welcome{demo: true, password: cfg.AdminPassword}, err
}

func (w welcome) write(out io.Writer, s *Server) {
	switch {
	case w.password != "":
		fmt.Fprintf(out, "\nThe demo has three organizations. Everybody's password is %s\n", w.password)
		fmt.Fprintf(out, "  admin          superUser of the whole tree\n")
		fmt.Fprintf(out, "  grace.hopper   admin of the organization Acme\n")
		if base, offered := s.base("rest"); offered {
			insecure := ""
			if s.config.TLSSelfSigned {
				insecure = "-k "
			}
			fmt.Fprintf(out, "\nTry it:\n  curl %s-u admin:%s '%s/rest/users?limit=3'\n", insecure, w.password, base)
		}
		s.writeConsole(out)
	case w.demo:
		fmt.Fprintf(out, "\nThe demo is there from before. For a new password: canopy user set-password admin\n")
		s.writeConsole(out)
	case w.Password != "":
		fmt.Fprintf(out, "\nA superUser was made. It is shown once:\n  login     %s\n  password  %s\n", w.Login, w.Password)
	case w.New && w.Login == "":
		fmt.Fprintf(out, "\nThe directory is empty. The first user created becomes its superUser.\n")
	}
}

// writeConsole says where the pages for people are, if they are offered.
func (s *Server) writeConsole(out io.Writer) {
	if base, offered := s.base("console"); offered {
		fmt.Fprintf(out, "\nOpen the console, and sign in as grace.hopper:\n  %s%s\n", base, console.Base)
	}
}
