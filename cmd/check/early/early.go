package main

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/passes/ctrlflow"
	"golang.org/x/tools/go/analysis/passes/inspect"
	"golang.org/x/tools/go/ast/inspector"
	"golang.org/x/tools/go/cfg"
)

// Analyzer reports each use of a result on a way on which its error was not looked at before.
var Analyzer = &analysis.Analyzer{
	Name:     "early",
	Doc:      "report results that are used before the error that came with them was looked at",
	Requires: []*analysis.Analyzer{inspect.Analyzer, ctrlflow.Analyzer},
	Run:      run,
}

func run(pass *analysis.Pass) (any, error) {
	graphs := pass.ResultOf[ctrlflow.Analyzer].(*ctrlflow.CFGs)
	meant := meant(pass)
	functions := []ast.Node{(*ast.FuncDecl)(nil), (*ast.FuncLit)(nil)}
	pass.ResultOf[inspect.Analyzer].(*inspector.Inspector).Preorder(functions, func(n ast.Node) {
		var graph *cfg.CFG
		switch fn := n.(type) {
		case *ast.FuncDecl:
			graph = graphs.FuncDecl(fn)
		case *ast.FuncLit:
			graph = graphs.FuncLit(fn)
		}
		if graph == nil { // a function without a body
			return
		}
		for _, block := range graph.Blocks {
			for i, node := range block.Nodes {
				if g := gained(pass.TypesInfo, node); g != nil && !meant[line(pass, node.Pos())] {
					w := &way{pass: pass, gain: g, been: make(map[*cfg.Block]bool)}
					w.follow(block, i+1)
				}
			}
		}
	})
	return nil, nil
}

// place is a line of a file.
type place struct {
	file string
	line int
}

func line(pass *analysis.Pass, p token.Pos) place {
	at := pass.Fset.Position(p)
	return place{at.Filename, at.Line}
}

// meant returns the lines of calls that say that what they return is there with an error too.
func meant(pass *analysis.Pass) map[place]bool {
	lines := make(map[place]bool)
	for _, file := range pass.Files {
		for _, group := range file.Comments {
			for _, c := range group.List {
				if strings.HasPrefix(c.Text, "//nolint:early // ") {
					lines[line(pass, c.Pos())] = true
				}
			}
		}
	}
	return lines
}

// gain is what a call returned: results, and the error that says whether they are any.
type gain struct {
	results []types.Object
	err     types.Object
}

// gained returns what a statement takes from a call that also returns an error, nil if it is no
// such statement.
func gained(info *types.Info, n ast.Node) *gain {
	var names []ast.Expr
	var values []ast.Expr
	switch s := n.(type) {
	case *ast.AssignStmt:
		names, values = s.Lhs, s.Rhs
	case *ast.ValueSpec:
		for _, name := range s.Names {
			names = append(names, name)
		}
		values = s.Values
	}
	if len(values) != 1 || len(names) < 2 {
		return nil
	}
	call, ok := ast.Unparen(values[0]).(*ast.CallExpr)
	if !ok || counts(call) {
		return nil
	}
	g := &gain{err: object(info, names[len(names)-1])}
	if g.err == nil || !isError(g.err) {
		return nil
	}
	for _, name := range names[:len(names)-1] {
		if o := object(info, name); o != nil && !isError(o) {
			g.results = append(g.results, o)
		}
	}
	return g
}

func isError(o types.Object) bool {
	return types.Identical(o.Type(), types.Universe.Lookup("error").Type())
}

// counts reports whether a call is one of those that say how far they got, with an error or without.
func counts(call *ast.CallExpr) bool {
	name := ""
	switch fun := call.Fun.(type) {
	case *ast.SelectorExpr:
		name = fun.Sel.Name
	case *ast.Ident:
		name = fun.Name
	}
	switch name {
	case "Read", "Write", "ReadAt", "WriteAt", "ReadFull", "ReadAtLeast", "Copy", "CopyN", "WriteString", "ReadFrom",
		"WriteTo":
		return true
	}
	return false
}

// object returns what a name on the left of an assignment stands for, nil if it is no variable.
func object(info *types.Info, e ast.Expr) types.Object {
	id, ok := e.(*ast.Ident)
	if !ok || id.Name == "_" {
		return nil
	}
	return info.ObjectOf(id)
}

// way is what is done with a gain from where it was made on.
type way struct {
	pass *analysis.Pass
	gain *gain
	been map[*cfg.Block]bool
}

// follow looks at the nodes of a block from the nth on and at what may come behind it.
func (w *way) follow(b *cfg.Block, n int) {
	for _, node := range b.Nodes[n:] {
		u := &use{way: w}
		ast.Walk(u, node)
		if u.early != nil {
			w.pass.Reportf(u.early.Pos(), "%s is used before %s was looked at", u.early.Name, w.gain.err.Name())
			return
		}
		if u.looked || w.replaced(node) {
			return
		}
	}
	for _, next := range b.Succs {
		if !w.been[next] {
			w.been[next] = true
			w.follow(next, 0)
		}
	}
}

// replaced reports whether a statement gives the error or one of the results another value.
func (w *way) replaced(n ast.Node) bool {
	s, ok := n.(*ast.AssignStmt)
	if !ok {
		return false
	}
	for _, name := range s.Lhs {
		o := object(w.pass.TypesInfo, name)
		if o == nil {
			continue
		}
		if o == w.gain.err || w.result(o) {
			return true
		}
	}
	return false
}

func (w *way) result(o types.Object) bool {
	for _, r := range w.gain.results {
		if r == o {
			return true
		}
	}
	return false
}

// use looks through one statement or condition. What a function literal does, it does later.
type use struct {
	*way
	looked bool       // the error is mentioned
	early  *ast.Ident // the first result that is used in a way that may fail
}

// Visit implements ast.Visitor.
func (u *use) Visit(n ast.Node) ast.Visitor {
	switch n := n.(type) {
	case *ast.FuncLit:
		return nil
	case *ast.Ident:
		u.looked = u.looked || u.pass.TypesInfo.Uses[n] == u.gain.err
	case *ast.AssignStmt:
		for _, e := range n.Lhs { // what is written to is not looked at
			if _, plain := e.(*ast.Ident); !plain {
				ast.Walk(u, e)
			}
		}
		for _, e := range n.Rhs {
			ast.Walk(u, e)
		}
		return nil
	case *ast.BinaryExpr:
		if n.Op == token.LAND || n.Op == token.LOR {
			if ast.Walk(u, n.X); u.looked {
				return nil
			}
			ast.Walk(u, n.Y)
			return nil
		}
	case *ast.CallExpr:
		u.call(n)
	case *ast.SelectorExpr:
		if u.fails(n) {
			u.note(n.X)
		}
	case *ast.IndexExpr:
		if _, isMap := u.under(n.X).(*types.Map); !isMap {
			u.note(n.X)
			u.note(n.Index)
		}
	case *ast.SliceExpr:
		for _, e := range []ast.Expr{n.X, n.Low, n.High, n.Max} {
			u.note(e)
		}
	case *ast.StarExpr:
		u.note(n.X)
	case *ast.TypeAssertExpr:
		u.note(n.X)
	}
	return u
}

// call notes the results among the arguments of a call, unless it is told of the error as well.
func (u *use) call(n *ast.CallExpr) {
	fun := u.pass.TypesInfo.Types[n.Fun]
	if fun.IsType() || fun.IsBuiltin() {
		return
	}
	for _, e := range n.Args {
		if u.mentionsError(e) {
			return
		}
	}
	for _, e := range n.Args {
		u.note(e)
	}
}

func (u *use) mentionsError(e ast.Expr) bool {
	id, ok := ast.Unparen(e).(*ast.Ident)
	return ok && u.pass.TypesInfo.Uses[id] == u.gain.err
}

// fails reports whether a selector may fail or do something: it is a method, or a field behind a
// pointer.
func (u *use) fails(n *ast.SelectorExpr) bool {
	s := u.pass.TypesInfo.Selections[n]
	if s == nil {
		return false // a name of a package
	}
	return s.Kind() != types.FieldVal || s.Indirect()
}

func (u *use) under(e ast.Expr) types.Type { return u.pass.TypesInfo.TypeOf(e).Underlying() }

// note notes e, or what e is part of, if it is a result.
func (u *use) note(e ast.Expr) {
	for e != nil {
		switch n := e.(type) {
		case *ast.ParenExpr:
			e = n.X
		case *ast.UnaryExpr:
			if n.Op != token.AND {
				return
			}
			e = n.X
		case *ast.SelectorExpr:
			e = n.X
		case *ast.Ident:
			if u.early == nil && u.result(u.pass.TypesInfo.Uses[n]) {
				u.early = n
			}
			return
		default:
			return
		}
	}
}
