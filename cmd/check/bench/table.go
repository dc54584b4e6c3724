package main

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"canopy/cmd/check/requests"
)

// A cell is how long a request took of one person at each program, from the shortest, or which other status it had
// than 200.
type cell struct {
	took   [][]time.Duration
	status []int
	size   []int
}

// measured is a row with a cell for each reach.
type measured struct {
	request *requests.Request
	cells   []cell
}

// table is what was measured on one engine.
type table struct {
	engine   string
	programs []string
	rows     []measured
	counts   []count
}

// count is what a request allocates at one program, by row.
type count struct {
	name           string
	objects, bytes []float64
}

const (
	// slow is what no request should take.
	slow = 50 * time.Millisecond
	// uneven is how many times as long as for one person it may take for another.
	uneven = 3
	// fine is what is even enough, whatever the others take.
	fine = 3 * time.Millisecond
)

// sample sends a request to all programs in turns: less often if it takes long.
func (s *settings) sample(ctx context.Context, asked []*requests.Visitor, r *requests.Request) cell {
	c := cell{took: make([][]time.Duration, len(asked)), status: make([]int, len(asked)), size: make([]int, len(asked))}
	var first time.Duration
	for i, v := range asked { // what a first request takes more is not of the row
		began := time.Now()
		var err error
		if c.status[i], c.size[i], err = v.Ask(r); err != nil {
			c.status[i] = -1
		}
		took := time.Since(began)
		first = max(first, took)
		if took > 2*time.Second {
			c.took[i] = append(c.took[i], took)
		}
	}
	n := s.samples
	switch {
	case first > 2*time.Second:
		n = 0
	case first > 300*time.Millisecond:
		n = 3
	case first > slow:
		n = 6
	}
	for turn := range n {
		for k := range asked {
			i := (turn + k) % len(asked)
			if c.status[i] != http.StatusOK || ctx.Err() != nil {
				continue
			}
			began := time.Now()
			if _, _, err := asked[i].Ask(r); err == nil {
				c.took[i] = append(c.took[i], time.Since(began))
			}
		}
	}
	for i := range c.took {
		if first > 2*time.Second && len(c.took[i]) == 0 && c.status[i] == http.StatusOK { // the other one was slow
			for range 3 {
				began := time.Now()
				if _, _, err := asked[i].Ask(r); err == nil {
					c.took[i] = append(c.took[i], time.Since(began))
				}
			}
		}
		slices.Sort(c.took[i])
	}
	return c
}

// of returns the median and the 95th of a hundred of a program.
func (c *cell) of(program int) (p50, p95 time.Duration, ok bool) {
	took := c.took[program]
	if len(took) == 0 || c.status[program] != http.StatusOK {
		return 0, 0, false
	}
	return took[len(took)/2], took[min(len(took)*95/100, len(took)-1)], true
}

// text writes a cell: the median and the 95th of a hundred in milliseconds, of one program after the other.
func (c *cell) text() string {
	var parts []string
	for i := range c.took {
		p50, p95, ok := c.of(i)
		part := shown(p50) + "/" + shown(p95)
		switch {
		case !ok && len(c.took[i]) > 0:
			part = fmt.Sprintf("**%d after %s**", c.status[i], shown(c.took[i][0]))
		case !ok:
			part = strconv.Itoa(c.status[i])
		case p50 > slow:
			part = "**" + part + "**"
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, " → ")
}

func shown(d time.Duration) string {
	ms := float64(d.Microseconds()) / 1000
	switch {
	case ms >= 100:
		return fmt.Sprintf("%.0f", ms)
	case ms >= 10:
		return fmt.Sprintf("%.1f", ms)
	}
	return fmt.Sprintf("%.2f", ms)
}

// worst returns how long a program takes for whom it takes longest, and how many times that is of the
// shortest.
func (m *measured) worst(program int) (longest time.Duration, times float64) {
	var shortest time.Duration
	for i := range m.cells {
		p50, _, ok := m.cells[i].of(program)
		if !ok {
			if took := m.cells[i].took[program]; len(took) > 0 {
				longest = max(longest, took[0])
			}
			continue
		}
		longest = max(longest, p50)
		if shortest == 0 || p50 < shortest {
			shortest = p50
		}
	}
	if shortest == 0 {
		return longest, 0
	}
	return longest, float64(longest) / float64(shortest)
}

func (m *measured) line() string {
	parts := []string{m.request.Name}
	for i := range m.cells {
		parts = append(parts, m.cells[i].text())
	}
	var ratios []string
	for p := range m.cells[0].took {
		longest, times := m.worst(p)
		text := fmt.Sprintf("%.1f", times)
		if times > uneven && longest > fine {
			text = "**" + text + "**"
		}
		ratios = append(ratios, text)
	}
	return "| " + strings.Join(append(parts, strings.Join(ratios, " → ")), " | ") + " |"
}

// write writes the tables as Markdown, before each the rows that take longest.
func write(out io.Writer, tables []*table) {
	for _, t := range tables {
		last := len(t.programs) - 1
		fmt.Fprintf(out, "## %s\n\nMilliseconds, median/95th of a hundred, of %s. Bold is more than %d ms, or more "+
			"than %d times as long as for another reach.\n", t.engine, strings.Join(t.programs, " → "),
			slow.Milliseconds(), uneven)
		by := slices.Clone(t.rows)
		slices.SortStableFunc(by, func(a, b measured) int {
			x, _ := a.worst(last)
			y, _ := b.worst(last)
			return cmp.Compare(y, x)
		})
		n := 0
		for n < len(by) {
			if longest, _ := by[n].worst(last); longest <= slow {
				break
			}
			n++
		}
		fmt.Fprintf(out, "\n### %d rows take more than %d ms\n\n", n, slow.Milliseconds())
		writeRows(out, by[:n])
		fmt.Fprintf(out, "\n### All %d rows\n\n", len(t.rows))
		writeRows(out, t.rows)
		if len(t.counts) == 0 {
			continue
		}
		fmt.Fprintf(out, "\n### What a request allocates\n\n| request | objects | KiB |\n|---|---|---|\n")
		for _, c := range t.counts {
			var objects, bytes []string
			for i := range c.objects {
				objects = append(objects, fmt.Sprintf("%.0f", c.objects[i]))
				bytes = append(bytes, fmt.Sprintf("%.1f", c.bytes[i]/1024))
			}
			fmt.Fprintf(out, "| %s | %s | %s |\n", c.name, strings.Join(objects, " → "), strings.Join(bytes, " → "))
		}
		fmt.Fprintln(out)
	}
}

func writeRows(out io.Writer, rows []measured) {
	if len(rows) == 0 {
		return
	}
	header, line := "| request |", "|---|"
	for _, r := range requests.Reaches {
		header, line = header+" "+r.Name+" |", line+"---|"
	}
	fmt.Fprintf(out, "%s worst/best |\n%s---|\n", header, line)
	for i := range rows {
		fmt.Fprintln(out, rows[i].line())
	}
}

// frequent are the requests of which is counted what they allocate.
var frequent = []string{"users, second page", "user by alias", "me", "tat me", "axway user"}

// count counts what requests of the admin of an organization allocate, as the servers' own metrics tell.
func (s *settings) count(t *table, visitors [][]*requests.Visitor) error {
	const times = 200
	for _, name := range frequent {
		r := requests.Named(name)
		if !s.only.MatchString(name) {
			continue
		}
		c := count{name: name}
		for p := range visitors {
			v := visitors[p][2]
			before, err := allocated(v)
			if err != nil {
				return err
			}
			for range times {
				if _, _, err := v.Ask(r); err != nil {
					return err
				}
			}
			after, err := allocated(v)
			if err != nil {
				return err
			}
			c.objects = append(c.objects, (after[0]-before[0])/times)
			c.bytes = append(c.bytes, (after[1]-before[1])/times)
		}
		t.counts = append(t.counts, c)
	}
	return nil
}

// allocated returns how many objects and bytes the server has allocated so far.
func allocated(v *requests.Visitor) (sums [2]float64, err error) {
	res, err := v.Client.Get(v.Server + "/metrics")
	if err != nil {
		return sums, err
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		for i, name := range []string{"go_memstats_mallocs_total ", "go_memstats_alloc_bytes_total "} {
			if value, ok := strings.CutPrefix(lines.Text(), name); ok {
				if sums[i], err = strconv.ParseFloat(value, 64); err != nil {
					return sums, err
				}
			}
		}
	}
	return sums, lines.Err()
}
