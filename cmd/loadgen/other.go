//go:build !linux

package main

import (
	"context"
	"errors"
	"io"
	"syscall"
	"time"
)

var errNotLinux = errors.New("the benchmarks read Linux's own accounts and need its system calls")

func relay(context.Context, io.Writer, []string) error { return errNotLinux }

func soak(context.Context, io.Writer, []string) error { return errNotLinux }

func churn(context.Context, io.Writer, []string) error { return errNotLinux }

func relayForward([]string) error { return errNotLinux }

func relayPion(context.Context, []string) error { return errNotLinux }

func relayMessages(context.Context, []string) error { return errNotLinux }

func (p *process) cpu() (time.Duration, error) { return 0, errNotLinux }

func withUs() *syscall.SysProcAttr { return nil }

func scratch(string) (string, error) { return "", errNotLinux }
