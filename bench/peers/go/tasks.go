// SPDX-License-Identifier: BSL-1.0
package main

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// startSleepers returns when all of them sleep.
func startSleepers(n int) {
	var begun atomic.Int64
	for i := 0; i < n; i++ {
		go func() {
			timer := time.NewTimer(2 * time.Hour)
			begun.Add(1)
			<-timer.C
		}()
	}
	for begun.Load() < int64(n) {
		runtime.Gosched()
	}
}

func createAwait(m *meter, n, sleepers int) {
	startSleepers(sleepers)
	m.start()
	for i := 0; i < n; i++ {
		done := make(chan struct{})
		go func() { close(done) }()
		<-done
	}
	m.stop()
}

func spawn(m *meter, n, tasks int) {
	m.start()
	for round := 0; round*tasks < n; round++ {
		var left sync.WaitGroup
		left.Add(tasks)
		for i := 0; i < tasks; i++ {
			go func() { left.Done() }()
		}
		left.Wait()
	}
	m.stop()
}

func yield(m *meter, n, tasks int) {
	var left sync.WaitGroup
	left.Add(tasks)
	for i := 0; i < tasks; i++ {
		go func() {
			for j := 0; j < n/tasks; j++ {
				runtime.Gosched()
			}
			left.Done()
		}()
	}
	runtime.Gosched()
	m.start()
	left.Wait()
	m.stop()
}

// Goroutines give nothing back; each writes its result into its place.
func gather(m *meter, n, tasks int) {
	m.start()
	for round := 0; round*tasks < n; round++ {
		results := make([]error, tasks)
		var left sync.WaitGroup
		left.Add(tasks)
		for i := 0; i < tasks; i++ {
			go func(i int) {
				results[i] = nil
				left.Done()
			}(i)
		}
		left.Wait()
	}
	m.stop()
}

// errorGroup is what golang.org/x/sync/errgroup does: the first error cancels the context of all.
type errorGroup struct {
	cancel context.CancelFunc
	left   sync.WaitGroup
	once   sync.Once
	err    error
}

func (g *errorGroup) start(f func() error) {
	g.left.Add(1)
	go func() {
		defer g.left.Done()
		if err := f(); err != nil {
			g.once.Do(func() {
				g.err = err
				g.cancel()
			})
		}
	}()
}

func group(m *meter, n, tasks int) {
	m.start()
	for round := 0; round*tasks < n; round++ {
		_, cancel := context.WithCancel(context.Background())
		g := errorGroup{cancel: cancel}
		for i := 0; i < tasks; i++ {
			g.start(func() error { return nil })
		}
		g.left.Wait()
		cancel()
	}
	m.stop()
}

func timeout(m *meter, n, sleepers int) {
	startSleepers(sleepers)
	ready := make(chan struct{})
	close(ready)
	m.start()
	for i := 0; i < n; i++ {
		ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
		select {
		case <-ready:
		case <-ctx.Done():
		}
		cancel()
	}
	m.stop()
}

func timeoutTurn(m *meter, n, sleepers int) {
	startSleepers(sleepers)
	m.start()
	for i := 0; i < n; i++ {
		ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
		runtime.Gosched()
		if ctx.Err() != nil {
			panic(ctx.Err())
		}
		cancel()
	}
	m.stop()
}

func fail(depth int) error {
	if depth > 1 {
		if err := fail(depth - 1); err != nil {
			return err
		}
	}
	return errors.New("failed")
}

// An error is a value here and returned; nothing is thrown.
func failure(m *meter, n, depth int) {
	m.start()
	for i := 0; i < n; i++ {
		result := make(chan error, 1)
		go func() { result <- fail(depth) }()
		if <-result == nil {
			panic("no error")
		}
	}
	m.stop()
}
