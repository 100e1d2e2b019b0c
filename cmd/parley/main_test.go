package main

import (
	"os"
	"testing"
)

// actAs names the part that this test binary plays instead of running tests, in
// processes of their own: "parley" is the program itself.
const actAs = "PARLEY_TEST_ACT_AS"

func TestMain(m *testing.M) {
	part := os.Getenv(actAs)
	os.Unsetenv(actAs)
	switch part {
	case "parley":
		main()
	case "skewed proxy":
		os.Exit(skewedProxy(os.Args[1], os.Args[2], os.Args[3]))
	}
	os.Exit(m.Run())
}
