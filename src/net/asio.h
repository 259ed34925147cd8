// Boost.Asio with TLS, for rooms that run event loops of their own (doors). Heavy: include it in
// .cc files only, never in a header. Callbacks, no coroutines.
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <memory>

#include "base/result.h"
#include "crypto/tls.h"

namespace writ::net {

namespace asio = boost::asio;

// An asio context over the same SSL_CTX; keep `context` and the result alive while streams made
// from it are.
asio::ssl::context asio_context(const crypto::TlsContext& context);

// A system error as ours: kUnavailable, with `doing` ("connecting to 10.0.0.1:5432") in front.
Error to_error(const boost::system::error_code& error, std::string_view doing);

}  // namespace writ::net
