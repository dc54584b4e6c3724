package httpx

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWriter(t *testing.T) {
	inner := Writer{}
	inner.Text("", "raw")
	var w Writer
	w.Open("", '{')
	w.Number("number", -9007199254740991)
	w.Text("text", "Ångström \"<&>\" \\ \n\x00\x7f\u2028\u2029")
	w.Text("broken", "a\xffb\xed\xa0\x80")
	w.TextOrNull("empty", "")
	w.TextOrNull("full", "x")
	w.Open("list", '[')
	w.Open("", '{')
	w.Close('}')
	w.Open("", '[')
	w.Close(']')
	w.Flag("", true)
	w.Null("")
	w.Raw("", inner.Bytes())
	w.Close(']')
	begun := string(w.Bytes())
	w.Reset()
	w.Flag("no", false)
	w.Close('}')
	require.Equal(t, `{"number":-9007199254740991,"text":"Ångström \"<&>\" \\ \n\u0000`+"\x7f"+
		`\u2028\u2029","broken":"a\ufffdb\ufffd\ufffd\ufffd",`+
		`"empty":null,"full":"x","list":[{},[],true,null,"raw"],"no":false}`, begun+string(w.Bytes()))
}

// Names have letters of any script.
func TestTextAllocatesNothing(t *testing.T) {
	w := Writer{text: make([]byte, 0, 1<<10)}
	require.Zero(t, testing.AllocsPerRun(100, func() {
		w.Reset()
		w.Text("name", "Élodie Müller 田中 𝄞")
	}))
}

// FuzzText holds that text is written as encoding/json understands it.
func FuzzText(f *testing.F) {
	for _, seed := range []string{"", "plain", `"`, `\`, "\x1f", "\"\\/\b\f\n\r\t\x00\x1f\x7f",
		"<script>&\u2028\u2029\ufffd", "\xff\xc3\xed\xa0\x80", "𝄞 é e\u0301"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var w Writer
		w.Open("", '[')
		w.Text("", text)
		w.Close(']')
		marshalled, err := json.Marshal([]string{text})
		if err != nil {
			t.Fatal(err)
		}
		var got, want []string
		if err := json.Unmarshal(marshalled, &want); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(w.Bytes(), &got); err != nil || len(got) != 1 || got[0] != want[0] {
			t.Errorf("%s, %v", w.Bytes(), err)
		}
	})
}
