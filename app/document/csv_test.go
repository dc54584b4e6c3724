package document

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/app/usecase"
	"canopy/domain"
)

// table is a table with every column, as it is written.
const table = `alias,firstname,lastname,mailaddress,environment,role,group,groups,envs,envsbloque,phone,jobtitle,service,language,timezone,active,state,defaultpage,firstaccess,passworddelay,revokedelay
ada,Ada,"King, ""Countess""
of Lovelace",ada@example.org,Acme/Prod,oadmin,Admin,A;/B,Acme;Other,,'+33 1,Söhne & ''Co,Engines,en,GMT,true,approved,1,false,90,0
''bob,'=1+1,'-2,'@x,/,user,,'=a;b,,,,''quoted',,,,false,pending,'-5,true,0,7
eve,,,,,,,,,,,,,,,,,,,,
`

func TestCSVKeepsEverything(t *testing.T) {
	head, _, _ := strings.Cut(table, "\n")
	require.Len(t, columns, strings.Count(head, ",")+1)
	var out bytes.Buffer
	require.NoError(t, WriteCSV(&out, CSV{from(table)}))
	require.Equal(t, table, out.String())

	all := users(t, CSV{from("\ufeff" + table)})
	require.Equal(t, "King, \"Countess\"\nof Lovelace", *all[0].LastName)
	require.Equal(t, []domain.GroupRef{"A", "/B"}, *all[0].Groups)
	require.Equal(t, "+33 1", *all[0].Phone)
	require.Equal(t, "Söhne & ''Co", *all[0].JobTitle)
	require.Equal(t, "'bob", *all[1].Alias)
	require.Equal(t, "=1+1", *all[1].FirstName)
	require.Equal(t, []domain.GroupRef{"=a", "b"}, *all[1].Groups)
	require.Empty(t, *all[1].Allowed)
	require.Equal(t, -5, int(*all[1].DefaultPage))
	require.Nil(t, all[2].Role)
	require.Nil(t, all[2].Active)
	require.Equal(t, []int{2, 4, 5}, []int{all[0].Line, all[1].Line, all[2].Line})
}

func TestCSVGivesWhatItHas(t *testing.T) {
	u := users(t, CSV{from("role,alias,envs\r\npower,ada, A ; ;B\r\n")})[0]
	require.Equal(t, "ada", *u.Alias)
	require.Equal(t, domain.RolePower, *u.Role)
	require.Equal(t, []domain.EnvironmentRef{"A", "B"}, *u.Allowed)
	require.Nil(t, u.Blocked)
	require.Nil(t, u.FirstName)
}

// No cell that a spreadsheet program would run is written as it is.
func TestCSVHasNoFormulas(t *testing.T) {
	for _, cell := range []string{"=1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "'=1", "'", "''"} {
		guarded := guard(cell)
		require.Equal(t, "'"+cell, guarded)
		require.Equal(t, cell, unguard(guarded))
	}
	for _, cell := range []string{"", "a", "1", "a=1", " =1", "ä"} {
		require.Equal(t, cell, guard(cell))
		require.Equal(t, cell, unguard(cell))
	}
	require.Equal(t, "'a", unguard("'a"), "an apostrophe of somebody's own")
}

// Lines are counted in the file, also behind a cell of several lines and empty lines.
func TestCSVThatCannotBeRead(t *testing.T) {
	const people = "alias,active,firstname\n\n\"ada\",true,\"A\nd\na\"\n"
	for text, want := range map[string]string{
		people + "bob,perhaps,Bob\n":                      "Line 6: active: one of true and false is expected.",
		people + "bob,true\n":                             "Line 6: wrong number of fields.",
		people + "bob,true,B\"ob\n":                       `Line 6: bare " in non-quoted-field.`,
		people + "bob,true,\"B\nob":                       `Line 7: extraneous or missing " in quoted-field.`,
		people + "bob,true,R\xf6bert\n":                   "Line 6: firstname is not valid UTF-8.",
		"alias,defaultpage\nada,1e3\n":                    "Line 2: defaultpage: a whole number is expected.",
		"alias,passworddelay\nada,99999999999999999999\n": "Line 2: passworddelay: a whole number is expected.",
		"Alias\nada\n":                                    `Line 1: the column "Alias" is not known.`,
		"\n\n":                                            "The file is empty; its first row names the columns.",
	} {
		require.Equal(t, want, refusal(t, CSV{from(text)}), "%q", text)
	}
}

// FuzzCSV leaves aside a carriage return before the end of a line: the reader takes both
// for the end of the line, so what is written of such a cell is not what was read.
func FuzzCSV(f *testing.F) {
	f.Add("alias,environment,passworddelay,defaultpage,firstaccess,state\n+a,/,-1,2,true,pending\n")
	f.Add("alias,envs,groups\n'=a, =b;; 'c ,\"\n;'\"\n")
	f.Add("\ufeffalias,role,active\r\n\"a\"\"\r\",user,T\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "\r\r") {
			t.Skip()
		}
		holdsStill(t, text, func(open Open) usecase.Document { return CSV{open} }, WriteCSV)
	})
}

func TestList(t *testing.T) {
	read := func(text string) (wanted []usecase.WantedEnvironment) {
		for s, err := range (List{from(text)}).Sections() {
			require.NoError(t, err)
			require.Empty(t, s.Path)
			wanted = append(wanted, s.Wanted...)
			for range s.Users {
				t.Fatal("a list has nobody in it")
			}
		}
		return wanted
	}
	require.Equal(t, []usecase.WantedEnvironment{{Line: 1, Path: "Acme"}, {Line: 3, Path: "Acme/Pro duction/Söhne"}, {Line: 5, Path: "/"}},
		read("\ufeffAcme\r\n\n \tAcme/Pro duction/Söhne \n\n/"))
	require.Empty(t, read(""))
	require.Empty(t, read("\n\n"))
	require.Equal(t, "Line 2: this line is too long.", refusal(t, List{from("Acme\n" + strings.Repeat("x", 1<<17))}))
}
