// Package server has as much of nats-server's package of this name as the tests of nats.go ask
// for. Its servers are processes: NATS_SERVER_PROGRAM -c FILE, on the loopback.
package server

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// RANDOM_PORT asks for a free port.
const RANDOM_PORT = -1

const host = "127.0.0.1"

// Logger is what a server would log to; a process has a log of its own.
type Logger interface {
	Noticef(format string, v ...any)
	Warnf(format string, v ...any)
	Fatalf(format string, v ...any)
	Errorf(format string, v ...any)
	Debugf(format string, v ...any)
	Tracef(format string, v ...any)
}

// Options are a configuration file, or the few options that are set without one.
type Options struct {
	ServerName, StoreDir, LogFile, RemoteSyslog       string
	Port                                              int
	NoSigs, NoLog, Debug, Trace, TraceVerbose, Syslog bool
	Logtime, LogtimeUTC                               bool
	LogSizeLimit, LogMaxFiles                         int64
	file, cluster                                     string
	clusterPort                                       int
}

// Server is one process at a time; it ends with the process.
type Server struct {
	options *Options
	program *exec.Cmd
	ended   chan struct{}
	lock    sync.Mutex
}

var (
	namePattern    = regexp.MustCompile(`(?m)^server_name: "(.*)"$`)
	portPattern    = regexp.MustCompile(`(?m)^port: (-?\d+)$`)
	logPattern     = regexp.MustCompile(`(?m)^log_file: "(.*)"$`)
	clusterPattern = regexp.MustCompile(`(?m)^cluster \{\s*name: "(.*)"\s*port: (\d+)`)
)

// ProcessConfigFile finds out what the tests ask a server for; the rest is the program's affair.
func ProcessConfigFile(path string) (*Options, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	options := &Options{file: path, Port: RANDOM_PORT}
	if found := namePattern.FindSubmatch(text); found != nil {
		options.ServerName = string(found[1])
	}
	if found := logPattern.FindSubmatch(text); found != nil {
		options.LogFile = string(found[1])
	}
	if found := portPattern.FindSubmatch(text); found != nil {
		options.Port, _ = strconv.Atoi(string(found[1]))
	}
	if found := clusterPattern.FindSubmatch(text); found != nil {
		options.cluster = string(found[1])
		options.clusterPort, _ = strconv.Atoi(string(found[2]))
	}
	if output, err := exec.Command(program(), "-t", "-c", path).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%s", output)
	}
	return options, nil
}

func program() string { return os.Getenv("NATS_SERVER_PROGRAM") }

// NewServer makes a server that has yet to be started.
func NewServer(options *Options) (*Server, error) {
	if program() == "" {
		return nil, errors.New("NATS_SERVER_PROGRAM names no program")
	}
	if options.Port == RANDOM_PORT {
		listener, err := net.Listen("tcp", host+":0")
		if err != nil {
			return nil, err
		}
		options.Port = listener.Addr().(*net.TCPAddr).Port
		listener.Close()
	}
	return &Server{options: options, ended: make(chan struct{})}, nil
}

// Start starts the process; ReadyForConnections tells whether it could.
func (s *Server) Start() {
	s.lock.Lock()
	defer s.lock.Unlock()
	arguments := []string{"-a", host, "-p", strconv.Itoa(s.options.Port)}
	if s.options.file != "" {
		arguments = append(arguments, "-c", s.options.file)
		s.program = exec.Command(program(), arguments...)
		s.program.Dir = filepath.Dir(s.options.file)
	} else {
		s.program = exec.Command(program(), append(arguments, "-n", s.options.ServerName)...)
	}
	s.program.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.program.Start(); err != nil {
		close(s.ended)
		return
	}
	go func() {
		s.program.Wait()
		close(s.ended)
	}()
}

// ReadyForConnections tells whether somebody listens before this time is over.
func (s *Server) ReadyForConnections(patience time.Duration) bool {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if !s.Running() {
			return false
		}
		if connection, err := net.Dial("tcp", s.address()); err == nil {
			connection.Close()
			return true
		}
		time.Sleep(10 * time.Millisecond)
	}
	return false
}

func (s *Server) address() string { return net.JoinHostPort(host, strconv.Itoa(s.options.Port)) }

// Running tells whether the process is there.
func (s *Server) Running() bool {
	select {
	case <-s.ended:
		return false
	default:
		return s.program != nil
	}
}

// Reload has the process read its configuration again.
func (s *Server) Reload() error { return s.program.Process.Signal(syscall.SIGHUP) }

// Shutdown ends the process; WaitForShutdown waits until it has ended.
func (s *Server) Shutdown() {
	if !s.Running() {
		return
	}
	s.program.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.ended:
	case <-time.After(5 * time.Second):
		s.program.Process.Kill()
		<-s.ended
	}
}

// WaitForShutdown returns once the process has ended.
func (s *Server) WaitForShutdown() { <-s.ended }

// Name is the name that the configuration gives the server.
func (s *Server) Name() string { return s.options.ServerName }

// ClientURL is where clients find it.
func (s *Server) ClientURL() string { return "nats://" + s.address() }

// ClusterName is the name of the server's cluster, or empty.
func (s *Server) ClusterName() string { return s.options.cluster }

// ClusterAddr is where other servers find it, or nil.
func (s *Server) ClusterAddr() *net.TCPAddr {
	if s.options.clusterPort == 0 {
		return nil
	}
	return &net.TCPAddr{IP: net.ParseIP(host), Port: s.options.clusterPort}
}

// ConfigureLogger does nothing: a process has a log of its own.
func (s *Server) ConfigureLogger() {}

// SetLoggerV2 does nothing: a process has a log of its own.
func (s *Server) SetLoggerV2(Logger, bool, bool, bool) {}

// InProcessConn is a connection like any other, since nothing is in this process.
func (s *Server) InProcessConn() (net.Conn, error) { return net.Dial("tcp", s.address()) }
