// SPDX-License-Identifier: BSL-1.0
package main

import (
	"runtime"
	"sync"
)

// A goroutine that is locked to a thread of its own stands for the other thread. It hands over what is to run.
type request struct {
	work func()
	done func()
}

func serve(requests <-chan request) {
	for r := range requests {
		r := r
		go func() {
			r.work()
			r.done()
		}()
	}
}

func trivial() {}

func threadRoundTrip(m *meter, n, _ int) {
	requests := make(chan request)
	m.start()
	go func() {
		runtime.LockOSThread()
		answer := make(chan struct{}, 1)
		done := func() { answer <- struct{}{} }
		for i := 0; i < n; i++ {
			requests <- request{trivial, done}
			<-answer
		}
		close(requests)
	}()
	serve(requests)
	m.stop()
}

const inFlight = 1000

func submit(requests chan<- request, n int) {
	runtime.LockOSThread()
	for left := n; left > 0; left -= inFlight {
		batch := left
		if batch > inFlight {
			batch = inFlight
		}
		var pending sync.WaitGroup
		pending.Add(batch)
		for i := 0; i < batch; i++ {
			requests <- request{trivial, pending.Done}
		}
		pending.Wait()
	}
}

func threadSubmit(m *meter, n, threads int) {
	requests := make(chan request, inFlight)
	var left sync.WaitGroup
	left.Add(threads)
	m.start()
	for i := 0; i < threads; i++ {
		go func() {
			submit(requests, n/threads)
			left.Done()
		}()
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
