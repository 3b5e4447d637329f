// Context variables: what happens in a copy of the context stays there.
// SPDX-License-Identifier: BSL-1.0
#include <rondo/context.hpp>

#include <iostream>
#include <string>

rondo::context_var<std::string> var("var");

void show(const char* where) { std::cout << where << ": " << var.get() << '\n'; }

int main() {
  var.set("spam");
  rondo::context ctx = rondo::copy_context();

  ctx.run([] {
    show("in the copy, before");
    var.set("ham");
    show("in the copy, after");
  });

  ctx.run([] { show("in the copy, later"); });
  show("outside");
}
