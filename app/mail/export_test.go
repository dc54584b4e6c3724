package mail

import "time"

// Claim makes the worker claim mail for a while of a test's own.
func (w *Worker) Claim(d time.Duration) { w.claimFor = d }
