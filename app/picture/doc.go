// Package picture makes of what people send as their image what is kept: a JPEG of ours. It
// knows nothing of users or HTTP.
//
// Decisions:
//
//   - What is kept is decoded and encoded anew, never the bytes that came in: nothing hidden in
//     them, no place where a photograph was taken, and no other format under a JPEG's name
//     reaches anybody's browser.
//   - The number of pixels is read from the header before anything is decoded, and only as many
//     images as there are turns are decoded at once, so that memory is bounded whatever an image
//     claims.
package picture
