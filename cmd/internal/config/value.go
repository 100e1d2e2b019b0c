package config

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"time"
)

const (
	// largest bounds counts: what does not fit 31 bits is a slip of the hand.
	largest = math.MaxInt32
	// largestSize bounds sizes and rates, in bytes.
	largestSize = math.MaxInt64
	// shortest is the least time a timer of the protocol makes sense with.
	shortest = 10 * time.Millisecond
)

// value is a place in a Config that can be filled.
type value interface {
	set(v any) error      // from TOML: string, int64, float64, bool, []any, map[string]any …
	parse(s string) error // from an environment variable
	current() any
}

func sameValue(a, b value) bool {
	x, y := reflect.ValueOf(a.current()), reflect.ValueOf(b.current())
	if x.Kind() == reflect.Slice && x.Len() == 0 && y.Len() == 0 {
		return true // nil and empty lists say the same
	}
	return reflect.DeepEqual(x.Interface(), y.Interface())
}

// scalar is a value that is written as a string.
type scalar[T any] struct {
	place *T
	read  func(string) (T, error)
}

func one[T any](place *T, read func(string) (T, error)) value { return scalar[T]{place, read} }

func (s scalar[T]) set(v any) error {
	text, ok := v.(string)
	if ok {
		return s.parse(text)
	}
	if _, isTime := any(*s.place).(time.Duration); isTime {
		if n, isNumber := v.(int64); isNumber {
			return fmt.Errorf("a duration needs a unit; write \"%ds\", \"%dm\" or \"%dh\"", n, n, n)
		}
		return fmt.Errorf("is %s, not a duration in quotes like \"45s\"", describe(v))
	}
	return fmt.Errorf("is %s, not a string in quotes", describe(v))
}

func (s scalar[T]) parse(text string) error {
	v, err := s.read(text)
	if err == nil {
		*s.place = v
	}
	return err
}

func (s scalar[T]) current() any { return *s.place }

// list is a value that is an array of strings.
type list[T any] struct {
	place *[]T
	read  func(string) (T, error)
}

func many[T any](place *[]T, read func(string) (T, error)) value { return list[T]{place, read} }

func (l list[T]) set(v any) error {
	items, ok := v.([]any)
	if !ok {
		return fmt.Errorf("is %s, not an array like [\"…\", \"…\"]", describe(v))
	}
	texts := make([]string, 0, len(items))
	for _, item := range items {
		text, ok := item.(string)
		if !ok {
			return fmt.Errorf("holds %s; every element is a string in quotes", describe(item))
		}
		texts = append(texts, text)
	}
	return l.fill(texts)
}

func (l list[T]) parse(s string) error { return l.fill(splitCommas(s)) }

func (l list[T]) fill(texts []string) error {
	var (
		out  []T
		errs []error
	)
	for _, text := range texts {
		v, err := l.read(text)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		out = append(out, v)
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	*l.place = out
	return nil
}

func (l list[T]) current() any { return *l.place }

func splitCommas(s string) []string {
	if strings.TrimSpace(s) == "" {
		return nil
	}
	parts := strings.Split(s, ",")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}

// external is relay.external_ip: "auto", one address, or an array of them.
type external struct{ place *[]netip.Addr }

func (e external) set(v any) error {
	if text, ok := v.(string); ok {
		return e.fill([]string{text})
	}
	if items, ok := v.([]any); ok && len(items) == 0 {
		return errors.New(`is empty; write "auto" or an address`)
	}
	if _, ok := v.([]any); !ok {
		return fmt.Errorf("is %s, not \"auto\", an address in quotes or an array of them", describe(v))
	}
	var texts []string
	if err := (list[string]{&texts, anyText}).set(v); err != nil {
		return err
	}
	return e.fill(texts)
}

func (e external) parse(s string) error {
	texts := splitCommas(s)
	if len(texts) == 0 {
		texts = []string{""}
	}
	return e.fill(texts)
}

func (e external) fill(texts []string) error {
	if len(texts) == 1 && texts[0] == "auto" {
		*e.place = nil
		return nil
	}
	return list[netip.Addr]{e.place, externalAddress}.fill(texts)
}

func (e external) current() any { return *e.place }

// flag is true or false.
type flag struct{ place *bool }

func (f flag) set(v any) error {
	b, ok := v.(bool)
	if !ok {
		return fmt.Errorf("is %s; write true or false without quotes", describe(v))
	}
	*f.place = b
	return nil
}

func (f flag) parse(s string) error {
	switch s {
	case "true", "1":
		*f.place = true
	case "false", "0":
		*f.place = false
	default:
		return fmt.Errorf("%q is neither true nor false", s)
	}
	return nil
}

func (f flag) current() any { return *f.place }

// count is a whole number within bounds.
type count struct {
	place    *int
	min, max int
}

func number(place *int, min, max int) value { return count{place, min, max} }

func (c count) set(v any) error {
	n, ok := v.(int64)
	if !ok {
		return fmt.Errorf("is %s, not a whole number", describe(v))
	}
	if n < int64(c.min) {
		return fmt.Errorf("%d is too small; at least %d", n, c.min)
	}
	if n > int64(c.max) {
		return fmt.Errorf("%d is too large; at most %d", n, c.max)
	}
	*c.place = int(n)
	return nil
}

func (c count) parse(s string) error {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return fmt.Errorf("%q is not a whole number", s)
	}
	return c.set(n)
}

func (c count) current() any { return *c.place }

// byteSize is a size: a whole number of bytes, or a string with a unit.
type byteSize[T int | int64] struct {
	place    *T
	min, max T
}

func size[T int | int64](place *T, min, max T) value { return byteSize[T]{place, min, max} }

func (b byteSize[T]) set(v any) error {
	switch v := v.(type) {
	case int64:
		return b.fill(v)
	case string:
		n, err := sizeWithUnit(v)
		if err != nil {
			return err
		}
		return b.fill(n)
	}
	return fmt.Errorf("is %s; write a whole number of bytes or a size like \"2MB\"", describe(v))
}

func (b byteSize[T]) parse(s string) error {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return b.fill(n)
	}
	return b.set(s)
}

func (b byteSize[T]) fill(n int64) error {
	if n < int64(b.min) {
		return fmt.Errorf("%d bytes is too small; at least %d", n, b.min)
	}
	if n > int64(b.max) {
		return fmt.Errorf("%d bytes is too large; at most %d", n, b.max)
	}
	*b.place = T(n)
	return nil
}

func (b byteSize[T]) current() any { return *b.place }

// describe names the kind of a TOML value for a person.
func describe(v any) string {
	switch v.(type) {
	case string:
		return "a string"
	case int64:
		return "a number"
	case float64:
		return "a number with a fraction"
	case bool:
		return "true or false"
	case []any:
		return "an array"
	case map[string]any, []map[string]any:
		return "a table"
	}
	return "a date or time"
}
