// SPDX-License-Identifier: BSL-1.0
package main

import (
	"runtime"
	"sync"
)

// A goroutine that is locked to a thread of its own stands for the other thread. It hands over what is to run.
type request struct {
	work func()
	done chan struct{}
}

func serve(requests <-chan request) {
	for r := range requests {
		r := r
		go func() {
			r.work()
			r.done <- struct{}{}
		}()
	}
}

func trivial() {}

func threadRoundTrip(m *meter, n, _ int) {
	requests := make(chan request)
	m.start()
	go func() {
		runtime.LockOSThread()
		done := make(chan struct{}, 1)
		for i := 0; i < n; i++ {
			requests <- request{trivial, done}
			<-done
		}
		close(requests)
	}()
	serve(requests)
	m.stop()
}

func threadSubmit(m *meter, n, threads int) {
	const inFlight = 10000
	requests := make(chan request, inFlight)
	var left sync.WaitGroup
	left.Add(threads)
	submit := func() {
		runtime.LockOSThread()
		done := make(chan struct{}, inFlight)
		for left := n / threads; left > 0; left -= inFlight {
			batch := left
			if batch > inFlight {
				batch = inFlight
			}
			for i := 0; i < batch; i++ {
				requests <- request{trivial, done}
			}
			for i := 0; i < batch; i++ {
				<-done
			}
		}
		left.Done()
	}
	m.start()
	for i := 0; i < threads; i++ {
		go submit()
	}
	go func() {
		left.Wait()
		close(requests)
	}()
	serve(requests)
	m.stop()
}

func threadQueue(m *meter, n, capacity int) {
	q := make(chan int, capacity)
	m.start()
	go func() {
		runtime.LockOSThread()
		for i := 0; i < n; i++ {
			q <- i
		}
	}()
	for i := 0; i < n; i++ {
		<-q
	}
	m.stop()
}
