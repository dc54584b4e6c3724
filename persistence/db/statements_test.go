package db

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/persistence/faultdb"
)

// Many at once run more statements than are kept prepared: none is closed under somebody who is
// about to run it, and none stays open that is not kept.
func TestStatementsAreClosedWhenNobodyRunsThem(t *testing.T) {
	faults, err := faultdb.New(false)
	require.NoError(t, err)
	db, err := OpenSQLite(filepath.Join(t.TempDir(), "canopy.db"), Through(faults.Connector, faults.Hot))
	require.NoError(t, err)
	defer db.Close()
	run := func(n int) error {
		rows, err := db.HotRows(t.Context(), fmt.Sprintf("SELECT %d + ?", n), 1)
		sum, err := Only(rows, err, Scalar[int64], nil)
		if err == nil && sum != int64(n)+1 {
			err = fmt.Errorf("%d + 1 is said to be %d", n, sum)
		}
		return err
	}
	const texts, workers, calls = preparedStatements + 70, 16, 2000
	var all sync.WaitGroup
	problems := make(chan error, workers)
	for w := range workers {
		all.Go(func() {
			for i := range calls {
				// Some begin with the same ones, so that several prepare one at once.
				if err := run((i + w/4*40) % texts); err != nil {
					problems <- err
					return
				}
			}
		})
	}
	all.Wait()
	close(problems)
	require.NoError(t, <-problems)

	require.Equal(t, preparedStatements, db.prepared.recent.Len())
	open := faults.Prepared()
	require.LessOrEqual(t, open, preparedStatements*sqliteReaders, "each is prepared once on a connection at most")
	db.prepared.close()
	require.Zero(t, faults.Prepared(), "nobody runs any")
}

// A statement that goes while its rows are read is closed behind them.
func TestStatementGoesWhileItsRowsAreRead(t *testing.T) {
	faults, err := faultdb.New(false)
	require.NoError(t, err)
	db, err := OpenSQLite(filepath.Join(t.TempDir(), "canopy.db"), Through(faults.Connector, faults.Hot))
	require.NoError(t, err)
	defer db.Close()
	rows, err := db.HotRows(context.Background(), "SELECT value FROM json_each('[1, 2, 3]')")
	require.NoError(t, err)
	db.prepared.close()
	read, err := Collect(rows, nil, Scalar[int64])
	require.NoError(t, err)
	require.Equal(t, []int64{1, 2, 3}, read)
	require.Zero(t, faults.Prepared())
}
