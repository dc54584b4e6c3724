// Package console is the surface for people with a browser. It has the pages to which the links of
// mail lead: they say what the link is for, and have a form that does it. It translates and decides
// nothing.
//
// Decisions:
//
//   - A page is shown by GET and HEAD, and nothing happens before its form is posted: programs that
//     look at mail follow the links in it.
//   - Nothing of the directory is on a page: it is written from its address alone, so it is the same
//     whether or not the secret is right.
//   - The secret is in the page's address, because mail can lead there only; it is posted in the body,
//     and the answer to a form that worked sends the browser to a page that can be read again.
//   - Pages work without script, and have none. They ask nothing of any other server.
//   - Addresses are relative, so that pages work behind a prefix and behind a proxy that adds one.
//   - Parameters that are not known are passed over: mail programs add some to links.
//   - Pages are components of templ, rendered whole before the first byte is sent, so that what fails
//     is an error and no half page. After a change of a .templ file: go generate ./app/surface/console.
package console

//go:generate go tool templ generate
