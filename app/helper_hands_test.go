package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/storage"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"
)

// A hand is a way to use what is on a page.
type hand interface {
	// enter gives a control the focus.
	enter(h *hands, e element)
	// press does with a control what a click does.
	press(h *hands, e element)
	// write types a text into what has the focus.
	write(h *hands, text string)
}

// hands use the console as people do: what they name is found by its role and its name, as a screen reader tells them,
// and used by mouse or by keyboard.
type hands struct {
	*browser
	hand
	t         *testing.T
	r         *running
	scripted  bool
	downloads string
}

// An element is a control of a page.
type element struct {
	object runtime.RemoteObjectID
	node   cdp.BackendNodeID
	name   string
}

// openHands opens a tab with cookies of its own, in a window of 1280 by 900.
func openHands(t *testing.T, of *browser, r *running, way hand, scripted bool) *hands {
	t.Helper()
	ctx, closeTab := chromedp.NewContext(of.ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(closeTab)
	h := &hands{browser: &browser{ctx: ctx}, hand: way, t: t, r: r, scripted: scripted, downloads: t.TempDir()}
	require.NoError(t, chromedp.Listen(ctx, h.note))
	require.NoError(t, chromedp.Do(ctx, chromedp.EmulateViewport(1280, 900)))
	command(t, h.browser, emulation.SetFocusEmulationEnabled,
		emulation.SetFocusEmulationEnabledParams{Enabled: true})
	command(t, h.browser, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-reduced-motion", Value: "reduce"}}})
	command(t, h.browser, cdppage.SetInterceptFileChooserDialog,
		cdppage.SetInterceptFileChooserDialogParams{Enabled: true})
	command(t, h.browser, emulation.SetScriptExecutionDisabled,
		emulation.SetScriptExecutionDisabledParams{Value: !scripted})
	_, err := chromedp.CallBrowser(ctx, cdpbrowser.SetDownloadBehavior, cdpbrowser.SetDownloadBehaviorParams{
		Behavior: cdpbrowser.SetDownloadBehaviorBehaviorAllowAndName, DownloadPath: h.downloads,
		BrowserContextID: chromedp.FromContext(ctx).BrowserContextID})
	require.NoError(t, err)
	return h
}

// visit goes to a page, named as the links of pages name it.
func (h *hands) visit(name string) {
	h.t.Helper()
	h.browser.open(h.t, h.r.Address()+"/console/"+name)
}

// signIn begins anew: nobody is signed in before, and then this one is.
func (h *hands) signIn(login string) {
	h.t.Helper()
	_, err := chromedp.CallBrowser(h.ctx, storage.ClearCookies, storage.ClearCookiesParams{
		BrowserContextID: chromedp.FromContext(h.ctx).BrowserContextID})
	require.NoError(h.t, err)
	h.visit("sign-in")
	h.fill("Login name", login)
	h.fill("Password", demoPassword)
	h.button("Sign in")
	require.NotEqual(h.t, "Sign in", h.heading())
}

// on calls a function in JavaScript on an element.
func on[T any](h *hands, e element, function string) (result T) {
	h.t.Helper()
	got := command(h.t, h.browser, runtime.CallFunctionOn, runtime.CallFunctionOnParams{ObjectID: e.object,
		FunctionDeclaration: function, ReturnByValue: new(true)})
	require.Nil(h.t, got.ExceptionDetails, "%s: %v", function, got.ExceptionDetails)
	if len(got.Result.Value) > 0 {
		require.NoError(h.t, json.Unmarshal(got.Result.Value, &result))
	}
	return result
}

// surrounding is a function in JavaScript that returns the text of what is around an element: its line, its fieldset, or
// what it is a fact of; and behind it where it leads.
const surrounding = `function() {
	const fact = this.closest("dd");
	const around = fact ? fact.previousElementSibling : this.closest("tr, li, fieldset, section, nav, header");
	return [around ? around.textContent : "", this.href || ""];
}`

// find returns the one control with a role and a name, that has a text around it if that is given. Controls that lead
// to the same place are one.
func (h *hands) find(role, name string, near ...string) element {
	h.t.Helper()
	var found []element
	var seen []string
	fits := func() bool {
		found, seen = nil, nil
		document, err := h.try(role)
		if err != nil {
			return false
		}
		for _, node := range document {
			if node.Ignored || node.Role == nil || node.Name == nil {
				continue
			}
			var kind, called string
			_ = json.Unmarshal(node.Role.Value, &kind)
			_ = json.Unmarshal(node.Name.Value, &called)
			if role == "" && !fields[kind] {
				continue
			}
			seen = append(seen, called)
			if name == "" || called == name || called == name+" (optional)" {
				found = append(found, element{node: node.BackendDOMNodeID, name: called})
			}
		}
		return h.narrow(&found, near)
	}
	for end := time.Now().Add(handPatience); !fits(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			require.Fail(h.t, "the page does not have it once", "%s %q near %q: %d of %q on %s\n%s", role, name, near,
				len(found), seen, h.address(), h.text())
		}
	}
	return found[0]
}

// handPatience is how long what is named may take to be there.
const handPatience = 20 * time.Second

// fields are the roles of what somebody writes into or chooses with.
var fields = map[string]bool{"textbox": true, "searchbox": true, "combobox": true, "Date": true, "checkbox": true,
	"button": true}

// try returns what is on the page with a role, unless the page goes away meanwhile.
func (h *hands) try(role string) (nodes []*accessibility.Node, err error) {
	err = chromedp.Do(h.ctx, chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		document, err := cdp.Call(ctx, tab, runtime.Evaluate, runtime.EvaluateParams{Expression: "document"})
		if err != nil {
			return err
		}
		all, err := cdp.Call(ctx, tab, accessibility.QueryAXTree,
			accessibility.QueryAXTreeParams{ObjectID: document.Result.ObjectID, Role: role})
		nodes = all.Nodes
		return err
	}))
	return nodes, err
}

// narrow keeps of what was found what has a text around it, and reports whether that is one thing.
func (h *hands) narrow(found *[]element, near []string) bool {
	var kept []element
	places := map[string]bool{}
	for _, e := range *found {
		var around [2]string
		err := chromedp.Do(h.ctx, chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
			object, err := cdp.Call(ctx, tab, dom.ResolveNode, dom.ResolveNodeParams{BackendNodeID: e.node})
			if err != nil {
				return err
			}
			e.object = object.Object.ObjectID
			got, err := cdp.Call(ctx, tab, runtime.CallFunctionOn, runtime.CallFunctionOnParams{ObjectID: e.object,
				FunctionDeclaration: surrounding, ReturnByValue: new(true)})
			if err != nil {
				return err
			}
			return json.Unmarshal(got.Result.Value, &around)
		}))
		if err != nil {
			return false
		}
		if len(near) > 0 && !strings.Contains(strings.Join(strings.Fields(around[0]), " "), near[0]) {
			continue
		}
		if around[1] == "" || !places[around[1]] {
			kept = append(kept, e)
		}
		places[around[1]] = true
	}
	*found = kept
	return len(kept) == 1
}

// focused is a function in JavaScript that reports whether an element has the focus.
const focused = "function() { return document.activeElement === this }"

// leading is a function in JavaScript that reports whether a control leads to another page, or has a part of this one
// swapped, and notes that this is waited for.
const leading = `function() {
	const link = this.closest("a[href]");
	const leads = link ? !link.getAttribute("href").startsWith("#") :
		this.tagName === "BUTTON" && this.type === "submit" && this.form !== null;
	if (leads) {
		window.awaited = true;
		document.addEventListener("htmx:afterSettle", (event) => {
			if (event.detail.requestConfig.elt === (link || this.form)) window.awaited = false;
		});
	}
	return leads;
}`

// activate presses a control and waits for where it leads.
func (h *hands) activate(e element) {
	h.t.Helper()
	leads := on[bool](h, e, leading)
	h.hand.press(h, e)
	if leads {
		h.arrive()
	}
}

// lost is JavaScript that reports whether a part was swapped that had the focus, and nothing has it now.
const lost = "window.awaited === false && document.activeElement === document.body"

// arrive waits until what was pressed has led on.
func (h *hands) arrive() {
	h.t.Helper()
	for end := time.Now().Add(handPatience); ; time.Sleep(15 * time.Millisecond) {
		there, err := chromedp.Run(h.ctx, chromedp.Evaluate[bool](
			`!window.awaited && document.readyState === "complete" && document.querySelector("h1") !== null`))
		if err == nil && there {
			require.False(h.t, evaluate[bool](h.t, h.browser, lost), "the focus is lost with what was swapped")
			return
		}
		if time.Now().After(end) {
			require.Fail(h.t, "what was pressed led nowhere", h.address())
		}
	}
}

func (h *hands) link(name string, near ...string) {
	h.t.Helper()
	h.activate(h.find("link", name, near...))
}
func (h *hands) button(name string, near ...string) {
	h.t.Helper()
	h.activate(h.find("button", name, near...))
}

// disclose opens what is folded.
func (h *hands) disclose(name string, near ...string) {
	h.t.Helper()
	h.activate(h.find("DisclosureTriangle", name, near...))
}

// fill writes a text into a field, in the place of what is in it.
func (h *hands) fill(label, text string, near ...string) {
	h.t.Helper()
	e := h.find("", label, near...)
	h.enter(h, e)
	if on[string](h, e, "function() { return this.type }") == "date" { // as browsers in English ask for it
		day, err := time.Parse(time.DateOnly, text)
		require.NoError(h.t, err)
		h.browser.write(h.t, day.Format("01022006"))
	} else {
		h.everything()
		h.hand.write(h, text)
	}
	require.Equal(h.t, text, on[string](h, e, "function() { return this.value }"), label)
}

// everything selects what is in the field that has the focus, and takes it away.
func (h *hands) everything() {
	h.t.Helper()
	command(h.t, h.browser, input.DispatchKeyEvent, input.DispatchKeyEventParams{
		Type: input.DispatchKeyEventTypeRawKeyDown, Key: "a", Code: "KeyA", WindowsVirtualKeyCode: 'A',
		Modifiers: int64(chromedp.ModifierCtrl), Commands: []string{"selectAll"}})
	h.browser.write(h.t, "\b")
}

// pick writes a part of what is wanted into a picker, and takes it from what the picker offers; without script there is
// no offer, and all of it is written.
func (h *hands) pick(label, typed, want string, near ...string) {
	h.t.Helper()
	if !h.scripted {
		h.fill(label, want, near...)
		return
	}
	e := h.find("", label, near...)
	h.enter(h, e)
	h.everything()
	h.hand.write(h, typed)
	offer := fmt.Sprintf("document.querySelector('button[data-choose=%q]')", want)
	h.await(h.t, offer)
	h.activate(h.find("button", evaluate[string](h.t, h.browser, offer+`.innerText.replace(/\s+/g, " ").trim()`)))
	require.Equal(h.t, want, on[string](h, e, "function() { return this.value }"), label)
	require.True(h.t, on[bool](h, e, focused), "the focus is back in the field")
}

// choose takes an option of a choice, whose list the browser draws: by the keys that go through it.
func (h *hands) choose(label, option string, near ...string) {
	h.t.Helper()
	e := h.find("combobox", label, near...)
	h.enter(h, e)
	options := on[[]string](h, e, `function() { return Array.from(this.options, (o) => o.text.trim()) }`)
	at, selected := slices.Index(options, option), on[int](h, e, `function() { return this.selectedIndex }`)
	require.GreaterOrEqual(h.t, at, 0, "%s offers %q, not %q", label, options, option)
	h.browser.write(h.t, strings.Repeat(kb.ArrowDown, max(at-selected, 0)))
	h.browser.write(h.t, strings.Repeat(kb.ArrowUp, max(selected-at, 0)))
	require.Equal(h.t, option, on[string](h, e, `function() { return this.selectedOptions[0].text.trim() }`))
}

// tick sets a box, or takes its tick away.
func (h *hands) tick(label string, ticked bool, near ...string) {
	h.t.Helper()
	e := h.find("checkbox", label, near...)
	const is = "function() { return this.checked }"
	if on[bool](h, e, is) != ticked {
		h.activate(e)
	}
	require.Equal(h.t, ticked, on[bool](h, e, is), label)
}

// attach gives a field a file with this text.
func (h *hands) attach(label, text string) {
	h.t.Helper()
	file := filepath.Join(h.t.TempDir(), "people.csv")
	require.NoError(h.t, os.WriteFile(file, []byte(text), 0o600))
	e := h.find("button", label)
	h.hand.press(h, e)
	h.awaitNote(h.t, "the window to choose a file opens", func() bool {
		asked := h.choosing
		h.choosing = false
		return asked
	})
	command(h.t, h.browser, dom.SetFileInputFiles, dom.SetFileInputFilesParams{Files: []string{file}, BackendNodeID: e.node})
}

// download follows a link to a file and returns what is in it.
func (h *hands) download(name string) string {
	h.t.Helper()
	h.hand.press(h, h.find("link", name))
	var text string
	eventually(h.t, "a file comes", func() bool {
		files, err := filepath.Glob(filepath.Join(h.downloads, "*"))
		if err != nil || len(files) != 1 || strings.HasSuffix(files[0], ".crdownload") {
			return false
		}
		got, err := os.ReadFile(files[0])
		text = string(got)
		return err == nil && os.Remove(files[0]) == nil
	})
	return text
}

// back goes to the page before.
func (h *hands) back() {
	h.t.Helper()
	require.NoError(h.t, chromedp.Do(h.ctx, chromedp.NavigateBack()))
}

func (h *hands) read(expression string) string {
	h.t.Helper()
	return strings.Join(strings.Fields(evaluate[string](h.t, h.browser, expression)), " ")
}

func (h *hands) heading() string { return h.read(`document.querySelector("h1")?.textContent ?? ""`) }
func (h *hands) address() string { return h.read("location.pathname + location.search") }
func (h *hands) text() string    { return h.read(`document.querySelector("main")?.innerText ?? ""`) }

// status returns what was said last to who listens.
func (h *hands) status() string {
	h.t.Helper()
	return h.read(`document.getElementById("status")?.textContent ?? ""`)
}

// said fails unless the page begins with this, as what was done.
func (h *hands) said(text string) {
	h.t.Helper()
	if got := h.status(); got != text {
		require.Fail(h.t, "the page begins with something else", "%q on %s: %s", got, h.address(), h.text())
	}
	if h.scripted {
		require.Equal(h.t, text, h.read("document.activeElement.textContent"), "the focus is on what was said")
	}
}

// says fails unless the page has each of these texts.
func (h *hands) says(texts ...string) {
	h.t.Helper()
	all := h.text()
	for _, text := range texts {
		require.Contains(h.t, all, text, h.address())
	}
}

// rows returns the texts of the cells of the page's first table, without its head.
func (h *hands) rows() [][]string {
	h.t.Helper()
	return evaluate[[][]string](h.t, h.browser, `Array.from(document.querySelector("tbody")?.rows ?? [], (row) =>
		Array.from(row.cells, (cell) => cell.textContent.replace(/\s+/g, " ").trim()))`)
}

// A mouse clicks in the middle of what can be seen.
type mouse struct{}

// middle is a function in JavaScript that returns the middle of an element's first line, and whether a click there
// gets to it.
const middle = `function() {
	this.scrollIntoView({block: "center", inline: "nearest", behavior: "instant"});
	const box = Array.from(this.getClientRects()).find((r) => r.width > 0 && r.height > 0);
	if (!box) return [0, 0, 0];
	const x = box.x + box.width / 2, y = box.y + box.height / 2;
	const hit = document.elementFromPoint(x, y);
	return [x, y, hit && (this.contains(hit) || hit.closest("label")?.control === this) ? 1 : 0];
}`

func (mouse) press(h *hands, e element) {
	h.t.Helper()
	at := on[[3]float64](h, e, middle)
	require.NotZero(h.t, at[2], "%q is not shown, or something covers it", e.name)
	require.NoError(h.t, chromedp.Do(h.ctx, chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, at[0], at[1]),
		chromedp.MouseClickXY(at[0], at[1])))
}

// enter clicks; on the label of a choice or a day, whose own click opens a window.
func (m mouse) enter(h *hands, e element) {
	h.t.Helper()
	if on[bool](h, e, `function() { return this.tagName === "SELECT" || this.type === "date" }`) {
		got := command(h.t, h.browser, runtime.CallFunctionOn, runtime.CallFunctionOnParams{ObjectID: e.object,
			FunctionDeclaration: "function() { return this.labels[0] }"})
		m.press(h, element{object: got.Result.ObjectID, name: "the label " + e.name})
	} else {
		m.press(h, e)
	}
	require.True(h.t, on[bool](h, e, focused), "a click on %q leads into it", e.name)
}

func (mouse) write(h *hands, text string) {
	h.t.Helper()
	command(h.t, h.browser, input.InsertText, input.InsertTextParams{Text: text})
}

// keys are a keyboard without a mouse.
type keys struct{}

// shown is a function in JavaScript that says where the focus is: how many stops of the keyboard an element is away from
// it, less than none if it is before it, and once it has it what is wrong then, that nobody sees that.
const shown = `function() {
	const at = document.activeElement;
	if (at !== this) {
		const begin = at === document.body, follows = Node.DOCUMENT_POSITION_FOLLOWING;
		const back = !begin && this.compareDocumentPosition(at) & follows;
		const [from, to] = back ? [this, at] : [at, this];
		const stops = "a[href], button, input, select, textarea, summary, [tabindex='0']";
		const between = Array.from(document.querySelectorAll(stops)).filter((stop) => stop.checkVisibility() &&
			(begin || from.compareDocumentPosition(stop) & follows) && stop.compareDocumentPosition(to) & follows);
		return [between.length * (back ? -1 : 1) + (back ? -1 : 1), ""];
	}
	const box = this.getBoundingClientRect();
	if (box.width === 0 || box.height === 0) return [0, "it has no size"];
	if (box.bottom < 0 || box.top > innerHeight) return [0, "it is above or below the window"];
	if (box.right < 0 || box.left > innerWidth) return [0, "it is beside the window"];
	if (getComputedStyle(this).outlineStyle === "none") return [0, "it has no ring"];
	const hit = document.elementFromPoint(box.x + box.width / 2, box.y + Math.min(box.height, innerHeight) / 2);
	return [0, hit && hit.closest(".top") && !this.closest(".top") ? "the head of the page covers it" : ""];
}`

// mostStops is how many stops of the keyboard may lie before what is wanted.
const mostStops = 150

func (keys) enter(h *hands, e element) {
	h.t.Helper()
	for pressed := 0; pressed < mostStops; {
		var away int
		var wrong string
		where := on[[2]json.RawMessage](h, e, shown)
		require.NoError(h.t, json.Unmarshal(where[0], &away))
		require.NoError(h.t, json.Unmarshal(where[1], &wrong))
		require.Empty(h.t, wrong, "nobody sees that the focus is on %q", e.name)
		if away == 0 {
			return
		}
		if pressed > 0 { // not all stops were counted
			away = max(min(away, 1), -1)
		}
		h.holdTab(away)
		pressed += max(away, -away)
	}
	require.Fail(h.t, "the keyboard does not get there", "%q on %s", e.name, h.address())
}

// holdTab goes on by as many stops of the keyboard, back for less than none.
func (h *hands) holdTab(stops int) {
	h.t.Helper()
	press := input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeRawKeyDown, Key: "Tab", Code: "Tab",
		WindowsVirtualKeyCode: '\t', NativeVirtualKeyCode: '\t'}
	if stops < 0 {
		press.Modifiers = int64(chromedp.ModifierShift)
	}
	for range max(stops, -stops) {
		command(h.t, h.browser, input.DispatchKeyEvent, press)
	}
	press.Type = input.DispatchKeyEventTypeKeyUp
	command(h.t, h.browser, input.DispatchKeyEvent, press)
}

func (k keys) press(h *hands, e element) {
	h.t.Helper()
	k.enter(h, e)
	key := "\r"
	if on[bool](h, e, `function() { return this.tagName === "INPUT" || this.tagName === "SUMMARY" }`) {
		key = " "
	}
	h.browser.write(h.t, key)
}

func (keys) write(h *hands, text string) {
	h.t.Helper()
	h.browser.write(h.t, strings.ReplaceAll(text, "\n", "\r"))
}
