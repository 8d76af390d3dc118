// One call operator out of several lambdas, for std::visit.
#pragma once

namespace penstock {

template <typename... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <typename... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

}  // namespace penstock
