// SPDX-License-Identifier: BSL-1.0
#include "program.hpp"

#include "json_parts.hpp"
#include "rules.hpp"

#include <boost/json/parse.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <limits>
#include <set>

namespace conformance {

namespace {

class reader {
public:
  explicit reader(const json::value& root) : root_(root) {}

  program read() {
    const json::object& top = object_at(root_, "program");
    if (integer(member(top, "version", "program"), "version") != 1) fail("version", "only version 1 is known");
    only(top, "program", {"version", "objects", "coroutines", "options"});
    if (const json::value* options = top.if_contains("options")) {
      const json::object& o = object_at(*options, "options");
      only(o, "options", {"eager"});
      if (const json::value* eager = o.if_contains("eager")) result_.eager = boolean(*eager, "options.eager");
    }
    if (const json::value* objects = top.if_contains("objects"))
      for (const auto& [name, description] : object_at(*objects, "objects"))
        add_object(std::string(name), description);
    const json::object& coroutines = object_at(member(top, "coroutines", "program"), "coroutines");
    for (const auto& [name, body] : coroutines) {
      add_name(std::string(name), "coroutines." + std::string(name));
      coroutines_[name] = result_.coroutines.size();
      result_.coroutines.push_back({std::string(name), {}});
    }
    const auto main = coroutines_.find("main");
    if (main == coroutines_.end()) fail("coroutines", "there is no coroutine 'main'");
    result_.main = main->second;
    collect_handles(json::value(coroutines));
    std::size_t i = 0;
    for (const auto& [name, body] : coroutines) {
      coroutine_ = i;
      result_.coroutines[i++].body = read_block(body, std::string(name), false);
    }
    check_calls();
    return std::move(result_);
  }

private:
  // Names.

  void add_name(std::string name, std::string_view path) {
    if (name.empty()) fail(path, "a name is expected");
    if (!names_.emplace(std::move(name)).second) fail(path, "another thing has this name already");
  }

  void add_object(std::string name, const json::value& description) {
    const std::string path = "objects." + name;
    const json::object& o = object_at(description, path);
    add_name(name, path);
    object made;
    made.name = name;
    const std::string type = text(member(o, "type", path), path + ".type");
    const std::optional<object_type> found = type_named(type);
    if (!found) fail(path, fmt::format("there is no type '{}'", type));
    made.type = *found;
    std::string_view option;
    switch (made.type) {
    case object_type::semaphore:
    case object_type::bounded_semaphore:
      option = "value";
      made.number = 1;
      break;
    case object_type::barrier:
      option = "parties";
      break;
    case object_type::queue:
    case object_type::lifo_queue:
    case object_type::priority_queue:
      option = "maxsize";
      break;
    case object_type::condition:
      option = "lock";
      break;
    case object_type::context_var:
      option = "default";
      break;
    default:
      break;
    }
    only(o, path, {"type", option});
    const json::value* const given = option.empty() ? nullptr : o.if_contains(option);
    read_object_option(made, given, fmt::format("{}.{}", path, option));
    objects_[name] = result_.objects.size();
    result_.objects.push_back(std::move(made));
  }

  void read_object_option(object& made, const json::value* given, const std::string& path) {
    if (made.type == object_type::barrier) {
      if (!given) fail(path, "the number of parties is missing");
      made.number = integer(*given, path);
      if (made.number < 1) fail(path, "a barrier has at least one party");
    } else if (!given || given->is_null()) {
      return;
    } else if (made.type == object_type::condition) {
      const auto lock = objects_.find(text(*given, path));
      if (lock == objects_.end() || result_.objects[lock->second].type != object_type::lock)
        fail(path, "the name of a lock above is expected");
      made.lock = lock->second;
    } else if (made.type == object_type::context_var) {
      made.initial = literal(*given, path);
    } else {
      made.number = made.type < object_type::condition ? natural(*given, path) : integer(*given, path);
    }
  }

  /// Whatever a statement binds, wherever it stands: other coroutines may name it.
  void collect_handles(const json::value& v) {
    if (v.is_object()) {
      for (const auto& [name, inner] : v.get_object())
        collect_handles(inner);
    } else if (v.is_array()) {
      const json::array& a = v.get_array();
      if (a.size() > 1 && a[0].is_string() && a[1].is_string()) {
        const std::string_view name = a[0].get_string();
        if (name == "spawn" || name == "gspawn" || name == "gather_start" || name == "shield_start")
          handle_index(std::string(a[1].get_string()));
      }
      for (const json::value& inner : a)
        collect_handles(inner);
    }
  }

  std::size_t handle_index(const std::string& name) {
    const auto [place, added] = handles_.try_emplace(name, result_.handles.size());
    if (added) result_.handles.push_back(name);
    return place->second;
  }

  std::size_t bound_handle(const std::string& name, std::string_view path) {
    if (name.empty()) fail(path, "a name is expected");
    if (names_.count(name)) fail(path, fmt::format("'{}' is a coroutine or an object, not a handle", name));
    return handle_index(name);
  }

  std::size_t coroutine_named(const json::value& v, std::string_view path) {
    const std::string name = text(v, path);
    const auto place = coroutines_.find(name);
    if (place == coroutines_.end()) fail(path, fmt::format("there is no coroutine '{}'", name));
    return place->second;
  }

  source target(const json::value& v, std::string_view path) {
    const std::string name = text(v, path);
    if (const auto o = objects_.find(name); o != objects_.end()) {
      if (result_.objects[o->second].type != object_type::future)
        fail(path, fmt::format("'{}' is no handle and no future", name));
      return {source::kind::future, o->second};
    }
    return {source::kind::handle, bound_handle(name, path)};
  }

  source read_source(const json::value& v, std::string_view path, bool inline_call) {
    const json::object& o = object_at(v, path);
    if (o.size() != 1) fail(path, R"(a source is {"task": handle}, {"future": name} or {"coro": coroutine})");
    only(o, path, {"task", "future", "coro"});
    const auto& [kind, name] = *o.begin();
    if (kind == "coro") {
      const std::size_t index = coroutine_named(name, path);
      if (inline_call) calls_.emplace_back(coroutine_, index);
      return {source::kind::coroutine, index};
    }
    const source s = target(name, path);
    if ((kind == "future") != (s.what == source::kind::future))
      fail(path, fmt::format("'{}' is no {}", std::string_view(name.get_string()), std::string_view(kind)));
    return s;
  }

  std::size_t object_named(const json::value& v, char letter, std::string_view path) {
    const std::string name = text(v, path);
    const auto o = objects_.find(name);
    if (o == objects_.end()) fail(path, fmt::format("there is no object '{}'", name));
    const object_type type = result_.objects[o->second].type;
    if (!accepts(letter, type))
      fail(path, fmt::format("'{}' is of type {}, with which this cannot be done", name, name_of(type)));
    return o->second;
  }

  // Statements.

  block read_block(const json::value& v, const std::string& path, bool callback) {
    block b;
    const json::array& statements = array_at(v, path);
    b.reserve(statements.size());
    for (std::size_t i = 0; i < statements.size(); ++i)
      b.push_back(read_statement(statements[i], fmt::format("{}.{}", path, i), callback));
    return b;
  }

  statement read_statement(const json::value& v, const std::string& path, bool callback) {
    const json::array& words = array_at(v, path);
    if (words.empty()) fail(path, "a statement is expected");
    const std::string name = text(words[0], path);
    const std::optional<op> found = op_named(name);
    if (!found) fail(path, fmt::format("there is no statement '{}'", name));
    const rule& r = rule_of(*found);
    if (callback && !r.in_callbacks) fail(path, fmt::format("'{}' cannot stand in a callback", name));
    statement s;
    s.op = *found;
    const std::string_view arguments = r.arguments;
    const bool may_lack = !arguments.empty() && arguments.back() == 'O';
    if (words.size() - 1 != arguments.size() && !(may_lack && words.size() == arguments.size()))
      fail(path, fmt::format("'{}' takes {} argument{}", name, arguments.size(), arguments.size() == 1 ? "" : "s"));
    for (std::size_t i = 1; i < words.size(); ++i)
      read_argument(s, arguments[i - 1], words[i], path);
    if ((s.op == op::put || s.op == op::put_nowait) && is_priority(s.index)) check_priority(s.index, words[2], path);
    return s;
  }

  void read_argument(statement& s, char letter, const json::value& v, const std::string& path) {
    switch (letter) {
    case 's':
      s.text = text(v, path);
      break;
    case 'n':
      s.number = natural(v, path);
      break;
    case 'M':
      if (!v.is_null()) s.number = natural(v, path);
      break;
    case 'm':
      if (!v.is_null()) s.message = text(v, path);
      break;
    case 'f':
      s.flag = boolean(v, path);
      break;
    case 'v':
      s.literal = literal(v, path);
      break;
    case 'c':
      s.coroutine = coroutine_named(v, path);
      if (s.op == op::call) calls_.emplace_back(coroutine_, s.coroutine);
      break;
    case 'h':
      s.index = bound_handle(text(v, path), path);
      break;
    case 'k':
      if (v.is_null()) break;
      [[fallthrough]];
    case 'r':
      s.sources.push_back(target(v, path));
      break;
    case 'S':
      s.sources.push_back(read_source(v, path, s.op == op::wait_for));
      break;
    case 'L':
      for (const json::value& one : array_at(v, path))
        s.sources.push_back(read_source(one, path, false));
      break;
    case 'W':
      for (const json::value& one : array_at(v, path))
        s.sources.push_back(target(one, path));
      break;
    case 'B':
      s.body = read_block(v, path + (s.op == op::repeat ? ".0" : ".body"), false);
      break;
    case 'Y':
      s.body = read_block(v, path + "." + s.text, true);
      break;
    case 'O':
      read_options(s, object_at(v, path), path);
      break;
    case 'X':
      read_try(s, object_at(v, path), path);
      break;
    default:
      s.index = object_named(v, letter, path);
    }
  }

  void read_options(statement& s, const json::object& o, const std::string& path) {
    if (s.op == op::spawn) {
      only(o, path, {"name", "eager"});
      if (const json::value* name = o.if_contains("name"); name && !name->is_null()) {
        s.text = text(*name, path);
        s.flag = true;
      }
      if (const json::value* eager = o.if_contains("eager"); eager && !eager->is_null())
        s.eager = boolean(*eager, path);
    } else if (s.op == op::wait) {
      only(o, path, {"timeout", "return_when"});
      if (const json::value* ms = o.if_contains("timeout"); ms && !ms->is_null()) s.number = natural(*ms, path);
      if (const json::value* when = o.if_contains("return_when")) {
        constexpr std::array<std::string_view, 3> words = {"FIRST_COMPLETED", "FIRST_EXCEPTION", "ALL_COMPLETED"};
        const auto place = std::find(words.begin(), words.end(), text(*when, path));
        if (place == words.end()) fail(path, "return_when is FIRST_COMPLETED, FIRST_EXCEPTION or ALL_COMPLETED");
        s.until = static_cast<waits_until>(place - words.begin());
      }
    } else {
      only(o, path, {"return_exceptions"});
      if (const json::value* flag = o.if_contains("return_exceptions")) s.flag = boolean(*flag, path);
    }
  }

  void read_try(statement& s, const json::object& o, const std::string& path) {
    only(o, path, {"body", "except", "finally"});
    s.body = read_block(member(o, "body", path), path + ".body", false);
    if (const json::value* handlers = o.if_contains("except"))
      for (const auto& [kind, body] : object_at(*handlers, path)) {
        constexpr std::array<std::string_view, 5> kinds = {"cancelled", "timeout", "error", "group", "any"};
        if (std::find(kinds.begin(), kinds.end(), std::string_view(kind)) == kinds.end())
          fail(path, fmt::format("there is no kind '{}' of errors", std::string_view(kind)));
        s.handlers.push_back({std::string(kind), read_block(body, path + "." + std::string(kind), false)});
      }
    if (const json::value* last = o.if_contains("finally")) s.finally = read_block(*last, path + ".finally", false);
  }

  bool is_priority(std::size_t queue) const { return result_.objects[queue].type == object_type::priority_queue; }

  /// Values of one priority_queue can be compared with each other.
  void check_priority(std::size_t queue, const json::value& item, const std::string& path) {
    const auto [place, first] = priority_numbers_.try_emplace(queue, item.is_int64());
    if (!first && place->second != item.is_int64())
      fail(path, "the values of a priority_queue are all numbers or all strings");
  }

  void check_calls() const {
    std::vector<int> state(
        result_.coroutines.size()); // 0 = not looked at, 1 = being looked at, 2 = no circle from here
    for (std::size_t c = 0; c < state.size(); ++c)
      follow_calls(c, state);
  }

  void follow_calls(std::size_t c, std::vector<int>& state) const {
    if (state[c] == 2) return;
    if (state[c] == 1) fail("coroutines." + result_.coroutines[c].name, "a coroutine calls itself");
    state[c] = 1;
    for (const auto& [from, to] : calls_)
      if (from == c) follow_calls(to, state);
    state[c] = 2;
  }

  const json::value& root_;
  program result_;
  std::set<std::string, std::less<>> names_; // of objects and coroutines
  std::map<std::string, std::size_t, std::less<>> objects_, coroutines_, handles_;
  std::map<std::size_t, bool> priority_numbers_;
  std::size_t coroutine_ = 0; // that is being read
  std::vector<std::pair<std::size_t, std::size_t>> calls_;
};

} // namespace

program parse_program(std::string_view json_text) {
  json::parse_options options;
  options.max_depth = 256; // blocks nest: the default is 32
  boost::system::error_code ec;
  const json::value root = json::parse(json_text, ec, {}, options);
  if (ec) throw invalid_program("program: " + ec.message());
  return reader(root).read();
}

} // namespace conformance
