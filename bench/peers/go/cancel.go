// SPDX-License-Identifier: BSL-1.0
package main

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

func sleepIn(ctx context.Context, depth int, begun *atomic.Int64) error {
	if depth > 1 {
		return sleepIn(ctx, depth-1, begun)
	}
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	begun.Add(1)
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Sleeping goroutines, each of which can be cancelled by itself.
type sleeping struct {
	cancels []context.CancelFunc
	left    sync.WaitGroup
}

func start(n, depth int) *sleeping {
	s := &sleeping{cancels: make([]context.CancelFunc, n)}
	s.left.Add(n)
	var begun atomic.Int64
	for i := range s.cancels {
		ctx, cancel := context.WithCancel(context.Background())
		s.cancels[i] = cancel
		go func() {
			_ = sleepIn(ctx, depth, &begun)
			s.left.Done()
		}()
	}
	for begun.Load() < int64(n) {
		runtime.Gosched()
	}
	return s
}

func (s *sleeping) cancel() {
	for _, cancel := range s.cancels {
		cancel()
	}
	s.left.Wait()
}

func sleepers(m *meter, n, _ int) {
	before := residentBytes()
	creation := &meter{}
	creation.start()
	s := start(n, 1)
	creation.stop()
	m.add("bytes", (residentBytes()-before)/float64(n))
	m.add("create_ns", float64(creation.cpu))
	m.start()
	s.cancel()
	m.stop()
}

func cancelDepth(m *meter, n, depth int) {
	for left := n; left > 0; left -= 1000 {
		size := left
		if size > 1000 {
			size = 1000
		}
		s := start(size, depth)
		m.start()
		s.cancel()
		m.stop()
	}
}

func cancelAmong(m *meter, n, sleepers int) {
	startSleepers(sleepers)
	cancelDepth(m, n, 1)
}
