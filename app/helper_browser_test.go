package app_test

import (
	"context"
	"errors"
	"net/url"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// A browser is one tab of a Chromium that shows nothing, and what was noted of it.
type browser struct {
	ctx context.Context

	mu        sync.Mutex
	addresses []string
	errors    []string
	choosing  bool // whether the page asked for a file
}

// unneeded is what Chromium does beyond what is asked of it: translate, make each page a frame and a process of its own
// although it comes from where the one before did, and keep showing that until the next one is drawn.
const unneeded = "Translate,BlinkGenPropertyTrees,RenderDocument,SpareRendererForSitePerProcess,PaintHolding"

// openBrowser starts a Chromium, which ends with the test. A machine without one fails.
func openBrowser(t *testing.T) *browser {
	t.Helper()
	path, err := exec.LookPath("chromium-headless-shell") // without what draws windows it takes half the time
	if err != nil {
		path, err = exec.LookPath("chromium")
	}
	if err != nil {
		t.Fatal("Chromium is missing: apt-get install --no-install-recommends chromium-headless-shell fonts-dejavu-core")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox,
		chromedp.DisableGPU, chromedp.Flag("in-process-gpu", true), chromedp.Flag("disable-features", unneeded),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.UserDataDir(t.TempDir()))
	ctx, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	return (&browser{ctx: ctx}).openTab(t)
}

// openTab opens another tab, which ends with the test and shares the cookies of the first.
func (b *browser) openTab(t *testing.T) *browser {
	t.Helper()
	ctx, closeTab := chromedp.NewContext(b.ctx)
	t.Cleanup(closeTab)
	b = &browser{ctx: ctx}
	if err := chromedp.Listen(ctx, b.note); err != nil {
		t.Fatalf("Chromium does not start: %v", err)
	}
	return b
}

// note keeps the addresses that are asked for, and what the console shows as an error: of
// scripts, of the network, and of the content security policy.
func (b *browser) note(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		b.addresses = append(b.addresses, e.Request.URL)
	case *runtime.EventExceptionThrown:
		text := e.ExceptionDetails.Text
		if thrown := e.ExceptionDetails.Exception; thrown != nil {
			text += ": " + thrown.Description
		}
		b.errors = append(b.errors, text)
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeAssert {
			text := "console.error:"
			for _, arg := range e.Args {
				text += " " + string(arg.Value) + arg.Description
			}
			b.errors = append(b.errors, text)
		}
	case *cdppage.EventFileChooserOpened:
		b.choosing = true
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError {
			b.errors = append(b.errors, e.Entry.Text+" "+e.Entry.URL)
		}
	}
}

// pagePatience is how long a page may take until a condition holds.
const pagePatience = 20 * time.Second

// open goes to an address.
func (b *browser) open(t *testing.T, address string) {
	t.Helper()
	if err := chromedp.Do(b.ctx, chromedp.Navigate(address)); err != nil {
		t.Fatalf("%s: %v", address, err)
	}
}

// await waits until a condition in JavaScript holds on the page.
func (b *browser) await(t *testing.T, condition string) {
	t.Helper()
	// While a page comes it may not have what is asked about, and the one before may go while it is asked.
	guarded := "(() => { try { return Boolean(" + condition + ") } catch { return false } })()"
	eventually(t, condition, func() bool {
		holds, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](guarded))
		var gone *cdproto.Error
		if err != nil && !(errors.As(err, &gone) && strings.Contains(gone.Message, "navigated")) {
			t.Fatalf("%s: %v", condition, err)
		}
		return err == nil && holds
	})
}

// awaitNote waits until a condition holds of what was noted.
func (b *browser) awaitNote(t *testing.T, what string, condition func() bool) {
	t.Helper()
	eventually(t, what, func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return condition()
	})
}

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(pagePatience); !condition(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("this did not happen: %s", what)
		}
	}
}

// count is JavaScript for the number of elements that a selector finds.
func count(selector string) string {
	return "document.querySelectorAll(" + strconv.Quote(selector) + ").length"
}

func containing(part string) func(string) bool {
	return func(s string) bool { return strings.Contains(s, part) }
}

// evaluate returns the value of an expression in JavaScript.
func evaluate[T any](t *testing.T, b *browser, expression string, options ...chromedp.EvaluateOption) T {
	t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, options...))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// checkQuiet fails if the console showed an error, or anything was asked of another origin.
func (b *browser) checkQuiet(t *testing.T, origin string) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, problem := range b.errors {
		t.Errorf("the console shows %s", problem)
	}
	for _, address := range b.addresses {
		u, err := url.Parse(address)
		if err != nil || u.Scheme != "data" && u.Scheme+"://"+u.Host != origin {
			t.Errorf("the page asked for %s", address)
		}
	}
	if len(b.addresses) == 0 {
		t.Error("no request was seen; the watching is broken")
	}
}

// write sends keys to what has the focus.
func (b *browser) write(t *testing.T, keys string) {
	t.Helper()
	if err := chromedp.Do(b.ctx, chromedp.KeyEvent(keys)); err != nil {
		t.Fatal(err)
	}
}

// tabTo goes on from field to field until the one with that id, or to the next one for none.
func (b *browser) tabTo(t *testing.T, id string) {
	t.Helper()
	for range 20 {
		b.write(t, "\t")
		if id == "" || evaluate[string](t, b, "document.activeElement.id") == id {
			return
		}
	}
	t.Fatalf("the keyboard does not get to %s", id)
}

// reload gets the page again.
func (b *browser) reload(t *testing.T) {
	t.Helper()
	if err := chromedp.Do(b.ctx, chromedp.Reload()); err != nil {
		t.Fatal(err)
	}
}

// excuse takes errors out of what was noted, which a test brought about, and fails unless there were
// that many.
func (b *browser) excuse(t *testing.T, text string, n int) {
	t.Helper()
	b.awaitNote(t, text, func() bool { return len(b.errors) >= n })
	b.mu.Lock()
	defer b.mu.Unlock()
	before := len(b.errors)
	b.errors = slices.DeleteFunc(b.errors, containing(text))
	if before-len(b.errors) != n {
		t.Errorf("%q was noted %d times, not %d", text, before-len(b.errors), n)
	}
}

// command gives a command to the browser's tab and returns its result.
func command[P, R any](t *testing.T, b *browser, c cdp.Command[P, R], params P) (result R) {
	t.Helper()
	err := chromedp.Do(b.ctx, chromedp.Func(func(ctx context.Context, tab *chromedp.Target) (err error) {
		result, err = cdp.Call(ctx, tab, c, params)
		return err
	}))
	if err != nil {
		t.Fatalf("%s: %v", c.Method, err)
	}
	return result
}
