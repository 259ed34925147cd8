// The server's side of one HTTP/2 connection (RFC 9113) without I/O: bytes in, requests out,
// answers in, bytes out. nghttp2 reads and writes frames and header blocks; this class keeps the
// bounds that nghttp2 leaves open. For the .cc files of this room alone.
//
// Invariants: what one connection holds (streams, heads, bodies, answers) and what it may cost
// beside whole requests is bounded; a request that is not whole or not answered has a deadline;
// each request that the owner was given counts until it is answered, also when its stream is gone.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/http.h"
#include "net/router.h"
#include "net/tls_pipe.h"

struct nghttp2_session;

namespace writ::net {

struct Http2Limits {
  unsigned streams = 100;                // open at once; more are refused
  std::size_t header_bytes = 16 * 1024;  // of a request, as RFC 9113 section 6.5.2 counts
  std::size_t bodies = 1 << 20;          // bytes of all unfinished bodies together
  std::size_t answers = 4 << 20;         // bytes that wait; with more no request is taken
  Millis header_time{10'000};
  Millis body_time{30'000};
  Millis write_time{30'000};
};

class Http2Session {
 public:
  // A request and its answer, until the stream closes.
  struct Stream {
    std::int32_t id = 0;
    Request request;             // its head, later its body; all of it points into this stream
    Router::Match match;         // for the owner's use
    std::size_t body_limit = 0;  // set by on_head; a larger body is 413

   private:
    friend class Http2Session;
    enum class Step { kHead, kBody, kHandling, kAnswering };
    struct Place {
      std::uint32_t name_size, value_size;
    };
    void reset();

    Step step_ = Step::kHead;
    bool is_whole_ = false;      // the client has sent all of it
    std::size_t head_cost_ = 0;  // bytes, as section 6.5.2 counts
    std::string head_;           // names and values, one behind the other
    std::vector<Place> places_;  // of `head_`
    std::string body_;
    Response response_;
    std::size_t sent_ = 0;  // of response_.body
    SteadyTime deadline_ = SteadyTime::max();
    std::size_t place_ = 0;  // in the session's list
  };

  class Owner {
   public:
    virtual ~Owner() = default;
    // The head is there: sets `match` and `body_limit`, or refuses.
    virtual void on_head(Stream& stream) = 0;
    // All of it is there. Answers, or has `answer` called later, once.
    virtual void on_request(Stream& stream) = 0;
    virtual std::string_view date() = 0;
  };

  // `owner` and `caller` outlive it.
  Http2Session(Owner& owner, const Request& caller, const Http2Limits& limits, SteadyTime now);
  ~Http2Session();
  Http2Session(const Http2Session&) = delete;
  Http2Session& operator=(const Http2Session&) = delete;

  // Bytes of the client; the owner is called meanwhile.
  void receive(std::string_view bytes, SteadyTime now);
  // The answer to a request that on_request had.
  void answer(std::int32_t stream, Response response, SteadyTime now);
  // The answer to one that it has not; inside on_head.
  void refuse(Stream& stream, Response response);
  // Closes a stream without an answer: an error code of RFC 9113 section 7.
  void reset(Stream& stream, std::uint32_t error_code);
  // Appends what may be sent now, until `out` has `most` bytes or a little more.
  void write(std::string& out, std::size_t most);
  // What took too long gets its end; at least once a second.
  void tick(SteadyTime now);
  // No request is taken any more; the session is over when those under way are answered.
  void go_away();
  // Nothing more will come or go; what `write` gives is the end.
  bool is_over() const;
  bool is_idle() const { return streams_.empty() && under_way_ == 0; }
  void free_buffers() { spare_.clear(); }

 private:
  struct Callbacks;

  Stream* find(std::int32_t id) const;
  void open(std::int32_t id);
  void close(Stream& stream, bool is_answered);
  // False: it is so large that the session ends.
  bool add_header(Stream& stream, std::string_view name, std::string_view value);
  bool is_too_large(const Stream& stream) const;
  void end_head(Stream& stream);
  // Reads the head into the request. What is wrong with it, for a person; empty when it is good.
  static std::string_view flaw_of(Stream& stream);
  void add_body(Stream& stream, std::string_view bytes);
  void forget_body(Stream& stream);
  void end_request(Stream& stream);
  void respond(Stream& stream, Response response);
  // A frame that is no part of a request costs; requests that are answered pay for some. False:
  // there were too many, and the session ends.
  bool spend();
  void earn(double frames);
  // Says why, and nothing more.
  void end(std::uint32_t error_code);

  Owner& owner_;
  const Request& caller_;
  const Http2Limits limits_;
  nghttp2_session* session_ = nullptr;
  SteadyTime now_;
  std::vector<std::unique_ptr<Stream>> streams_;
  std::vector<std::unique_ptr<Stream>> spare_;  // closed ones, for the next
  std::size_t under_way_ = 0;                   // given to the owner and not answered
  std::size_t bodies_ = 0;                      // bytes
  std::size_t answers_ = 0;                     // bytes
  double budget_;
  SteadyTime budget_at_;
  SteadyTime head_by_ = SteadyTime::max();  // of the header block that is arriving
  bool is_leaving_ = false;
  bool failed_ = false;  // nothing can be said any more
};

}  // namespace writ::net
