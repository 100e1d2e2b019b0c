package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// TestStyle keeps what a machine can judge without harm: documented exported
// names and packages, no init, no mutable package variables, and nothing that
// ends the process outside main.go.
func TestStyle(t *testing.T) {
	documented := make(map[string]bool)
	eachGoFile(t, func(file string) {
		if strings.HasSuffix(file, "_test.go") {
			return
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, filepath.Join(root, file), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		pkg := filepath.Dir(file)
		documented[pkg] = documented[pkg] || f.Doc != nil
		for _, d := range f.Decls {
			judge(t, fset, file, d)
		}
		if !strings.HasSuffix(file, "/main.go") {
			noSuddenEnd(t, fset, f)
		}
	})
	for pkg, ok := range documented {
		if !ok {
			t.Errorf("package %s has no package comment", pkg)
		}
	}
}

func judge(t *testing.T, fset *token.FileSet, file string, d ast.Decl) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Name.Name == "init" && d.Recv == nil {
			t.Errorf("%s: init runs behind the reader's back", fset.Position(d.Pos()))
		}
		if d.Name.IsExported() && d.Doc == nil && exportedReceiver(d) {
			t.Errorf("%s: %s is exported and not documented", fset.Position(d.Pos()), d.Name.Name)
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			judgeSpec(t, fset, file, d, s)
		}
	}
}

func judgeSpec(t *testing.T, fset *token.FileSet, file string, d *ast.GenDecl, s ast.Spec) {
	switch s := s.(type) {
	case *ast.TypeSpec:
		if s.Name.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
			t.Errorf("%s: type %s is exported and not documented", fset.Position(s.Pos()), s.Name.Name)
		}
	case *ast.ValueSpec:
		for _, n := range s.Names {
			if n.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
				t.Errorf("%s: %s is exported and not documented", fset.Position(n.Pos()), n.Name)
			}
			if d.Tok == token.VAR && !constantLike(file, s, n) {
				t.Errorf("%s: the package variable %s can change", fset.Position(n.Pos()), n.Name)
			}
		}
	}
}

// constantLike accepts variables that are constants in all but name: errors,
// embedded files, encodings and compiled expressions, blank assertions, and the
// two strings that the linker stamps.
func constantLike(file string, s *ast.ValueSpec, n *ast.Ident) bool {
	if n.Name == "_" || strings.HasPrefix(n.Name, "err") || file == "cmd/parley/version.go" {
		return true
	}
	if sel, ok := s.Type.(*ast.SelectorExpr); ok && sel.Sel.Name == "FS" {
		return true
	}
	if len(s.Values) != 1 {
		return false
	}
	call, ok := s.Values[0].(*ast.CallExpr)
	if !ok {
		return false
	}
	fun, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	switch fun.Sel.Name {
	case "New", "MustCompile", "MustParsePrefix", "MustParseAddr", "WithPadding", "NewEncoding", "NewReplacer":
		return true
	}
	return false
}

func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	typ := d.Recv.List[0].Type
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	if idx, ok := typ.(*ast.IndexExpr); ok {
		typ = idx.X
	}
	id, ok := typ.(*ast.Ident)
	return ok && id.IsExported() && !standardMethod(d.Name.Name)
}

// standardMethod names the methods whose meaning an interface of the standard
// library already documents.
func standardMethod(name string) bool {
	switch name {
	case "Error", "Unwrap", "String", "Read", "Write", "Close", "Addr", "Accept", "MarshalJSON", "UnmarshalJSON",
		"MarshalText", "UnmarshalText", "GoString", "LogValue", "ServeHTTP", "Describe", "Collect", "Is":
		return true
	}
	return false
}

func noSuddenEnd(t *testing.T, fset *token.FileSet, f *ast.File) {
	ast.Inspect(f, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		switch fun := call.Fun.(type) {
		case *ast.Ident:
			if fun.Name == "panic" {
				t.Errorf("%s: panic", fset.Position(n.Pos()))
			}
		case *ast.SelectorExpr:
			if x, ok := fun.X.(*ast.Ident); ok && (x.Name == "os" && fun.Sel.Name == "Exit" || x.Name == "log" && strings.HasPrefix(fun.Sel.Name, "Fatal")) {
				t.Errorf("%s: %s.%s ends the process", fset.Position(n.Pos()), x.Name, fun.Sel.Name)
			}
		}
		return true
	})
}
