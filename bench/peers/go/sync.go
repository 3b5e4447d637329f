// SPDX-License-Identifier: BSL-1.0
package main

import (
	"runtime"
	"sync"
)

func queuePingPong(m *meter, n, _ int) {
	there, back := make(chan int, 1), make(chan int, 1)
	go func() {
		for i := 0; i < n; i++ {
			back <- <-there
		}
	}()
	m.start()
	for i := 0; i < n; i++ {
		there <- 1
		<-back
	}
	m.stop()
}

func queueProdCons(m *meter, n, capacity int) {
	q := make(chan int, capacity)
	m.start()
	go func() {
		for i := 0; i < n; i++ {
			q <- 1
		}
	}()
	for i := 0; i < n; i++ {
		<-q
	}
	m.stop()
}

func queueGetters(m *meter, n, getters int) {
	q := make(chan int, 1024)
	for i := 0; i < getters; i++ {
		go func() {
			for {
				<-q
			}
		}()
	}
	for i := 0; i < 10; i++ {
		runtime.Gosched()
	}
	m.start()
	for i := 0; i < n; i++ {
		q <- 1
		runtime.Gosched()
	}
	m.stop()
}

// Go programs signal with channels that carry nothing.
func eventPingPong(m *meter, n, _ int) {
	ping, pong := make(chan struct{}), make(chan struct{})
	go func() {
		for i := 0; i < n; i++ {
			<-ping
			pong <- struct{}{}
		}
	}()
	m.start()
	for i := 0; i < n; i++ {
		ping <- struct{}{}
		<-pong
	}
	m.stop()
}

// A condition variable wakes all that wait.
func eventWaiters(m *meter, n, waiters int) {
	var mutex sync.Mutex
	changed := sync.NewCond(&mutex)
	times := (n + waiters - 1) / waiters
	generation := 0
	waiting := 0
	var left sync.WaitGroup
	left.Add(waiters)
	for i := 0; i < waiters; i++ {
		go func() {
			for j := 0; j < times; j++ {
				mutex.Lock()
				waiting++
				for seen := generation; seen == generation; {
					changed.Wait()
				}
				mutex.Unlock()
			}
			left.Done()
		}()
	}
	allWait := func() {
		for {
			mutex.Lock()
			all := waiting == waiters
			mutex.Unlock()
			if all {
				return
			}
			runtime.Gosched()
		}
	}
	allWait()
	m.start()
	for round := 0; round < times; round++ {
		if round > 0 {
			allWait()
		}
		mutex.Lock()
		waiting = 0
		generation++
		mutex.Unlock()
		changed.Broadcast()
	}
	left.Wait()
	m.stop()
}

func lockUncontended(m *meter, n, _ int) {
	var mutex sync.Mutex
	counter := 0
	m.start()
	for i := 0; i < n; i++ {
		mutex.Lock()
		counter++
		mutex.Unlock()
	}
	m.stop()
}

func lockContended(m *meter, n, tasks int) {
	var mutex sync.Mutex
	var left sync.WaitGroup
	left.Add(tasks)
	times := (n + tasks - 1) / tasks
	mutex.Lock()
	for i := 0; i < tasks; i++ {
		go func() {
			for j := 0; j < times; j++ {
				mutex.Lock()
				runtime.Gosched()
				mutex.Unlock()
			}
			left.Done()
		}()
	}
	for i := 0; i < 10; i++ {
		runtime.Gosched()
	}
	m.start()
	mutex.Unlock()
	left.Wait()
	m.stop()
}
