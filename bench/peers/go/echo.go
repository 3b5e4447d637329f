// SPDX-License-Identifier: BSL-1.0
package main

import (
	"fmt"
	"net"
	"os"
	"strconv"
)

// TCP_NODELAY is on by default here.
func serveClient(client net.Conn) {
	defer client.Close()
	data := make([]byte, 4096)
	for {
		size, err := client.Read(data)
		if err != nil {
			return
		}
		if _, err = client.Write(data[:size]); err != nil {
			return
		}
	}
}

func echo(_ *meter, port, _ int) {
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for {
		client, err := listener.Accept()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		go serveClient(client)
	}
}
