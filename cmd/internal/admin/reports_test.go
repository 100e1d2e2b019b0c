package admin_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"testing"
	"time"

	"parley/cmd/internal/admin"
)

func TestReportsAreBoundedInNumberRateAndAge(t *testing.T) {
	now := time.Date(2027, 1, 15, 8, 0, 0, 0, time.UTC)
	reports := &admin.Reports{Now: func() time.Time { return now }}
	leave := func(user string) (string, time.Duration) {
		return reports.Leave(user, json.RawMessage(`{"from":"`+user+`"}`))
	}
	for range 5 {
		code, wait := leave("ann")
		if !regexp.MustCompile(`^[A-Z2-9]{3}-[A-Z2-9]{3}$`).MatchString(code) || wait != 0 {
			t.Fatalf("Leave gives %q, %v", code, wait)
		}
		now = now.Add(time.Minute)
	}
	if code, wait := leave("ann"); code != "" || wait != 55*time.Minute {
		t.Errorf("a sixth report within the hour: %q, wait %v", code, wait)
	}
	if _, wait := leave("bob"); wait != 0 {
		t.Errorf("Bob has to wait for Ann: %v", wait)
	}
	if list := reports.List(); len(list) != 6 || string(list[0].Report) != `{"from":"bob"}` {
		t.Errorf("List gives %d reports, first %s", len(list), list[0].Report)
	}
	now = now.Add(time.Hour)
	if _, wait := leave("ann"); wait != 0 {
		t.Errorf("an hour later Ann has to wait %v", wait)
	}
	for i := range 300 {
		leave(fmt.Sprint("user", i))
	}
	if list := reports.List(); len(list) != 200 || string(list[0].Report) != `{"from":"user299"}` {
		t.Errorf("after many, %d are kept, newest %s", len(list), list[0].Report)
	}
	now = now.Add(7 * 24 * time.Hour)
	if list := reports.List(); len(list) != 0 {
		t.Errorf("after a week %d are kept", len(list))
	}
}
