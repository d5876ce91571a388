# Reads a listing of objdump (x86-64, AT&T) and says of each load by an index whether instructions alone bound the index. Branches are not believed:
# whatever a processor guesses, the load stays inside its array. A forward analysis over all paths, for each function whose name matches `roots`.
#
# What a register holds:
#   n:MAX   a number from 0 to MAX           ?   anything
#   A       an address plus a bounded index  U   an address plus an index that nothing bounds
#   C       a reader's liodn_count           K   that minus 1           L   something masked with it
#
# Prints a line for each function: its name, loads by a window's index, loads by a LIODN, loads by an index that nothing bounds, and the first of those.

function hex(text,   value, i) {
  sub(/^[$]/, "", text)
  if (text ~ /^-/) return -hex(substr(text, 2))
  if (text == "0xffffffffffffffff") return -1
  if (text ~ /^[0-9]+$/) return text + 0
  sub(/^0x/, "", text)
  for (i = 1; i <= length(text); i++) value = value * 16 + index("0123456789abcdef", substr(text, i, 1)) - 1
  return value
}

# The 64-bit register that a name is a part of; its width in `width`.
function register(name) {
  sub(/^%/, "", name)
  width = 64
  if (name ~ /^r[0-9]+[dwb]$/) { width = name ~ /d$/ ? 32 : name ~ /w$/ ? 16 : 8; sub(/[dwb]$/, "", name); return name }
  if (name ~ /^r/) return name
  if (name ~ /^e/) { width = 32; return "r" substr(name, 2) }
  if (name ~ /^[abcd][lh]$/) { width = 8; return "r" substr(name, 1, 1) "x" }
  if (name ~ /^(si|di|bp|sp)l$/) { width = 8; return "r" substr(name, 1, 2) }
  if (name ~ /^([abcd]x|si|di|bp|sp)$/) { width = 16; return "r" name }
  return ""
}

function get(name) { name = register(name); return name == "rsp" ? "?" : name in state ? state[name] : "?" }
function set(name, value) { name = register(name); if (name != "") state[name] = width < 32 ? "?" : value }

# A value that was put aside on the stack: `slot` is its name, or empty. Compilers use such places by their offset from %rsp only.
function aside(operand) {
  slot = ""
  if (operand ~ /^[-0-9a-fx]*\(%rsp\)$/) { slot = operand; sub(/\(.*$/, "", slot); slot = hex(slot == "" ? "0" : slot) }
  return slot != ""
}

# Bytes at a slot change; 16 of them for a vector.
function spoil(   k) { for (k in slots) if (k > slot - 8 && k - 0 < slot + 16) state["S" k] = "?" }
function forget(   k) { for (k in slots) state["S" k] = "?" }

function bounded(value) { return value ~ /^n:/ }
function top(value) { return substr(value, 3) + 0 }
function number(value) { return value >= 0 && value < 1048576 ? "n:" value : "?" }

# Splits a memory operand: displacement, base, index, scale. A segment's or a RIP-relative one is nothing to us.
function memory(operand,   inner, parts, count) {
  disp = 0; base = ""; indexed = ""; scale = 1
  if (operand !~ /\(/) return 0
  inner = operand; sub(/^[^(]*\(/, "", inner); sub(/\)$/, "", inner)
  sub(/\(.*$/, "", operand); disp = operand == "" ? 0 : hex(operand)
  count = split(inner, parts, ",")
  base = parts[1]
  if (count > 1) { indexed = parts[2]; scale = count > 2 ? parts[3] + 0 : 1 }
  return base !~ /rip|rsp|^%[fg]s/ && operand !~ /^%/
}

# What an address computation gives.
function address(operand,   b, i) {
  if (!memory(operand)) return "?"
  b = base == "" ? "n:0" : get(base); i = indexed == "" ? "n:0" : get(indexed)
  if (indexed == "" && disp == -1 && b == "C") return "K"
  if (indexed == "" && b ~ /^[AU]$/) return b
  if (bounded(b) && bounded(i)) return number(disp + top(b) + top(i) * scale)
  if (bounded(i)) return indexed == "" ? "?" : b == "U" ? "U" : "A"
  if (scale == 1 && bounded(b)) return i == "U" ? "U" : "A"
  return scale > 1 ? "U" : "?"
}

function bad(i) { unmasked[i] = 1 }

# A load from memory: is it by an index, and what bounds it?
function load(operand, i,   value) {
  if (!memory(operand)) return
  if (indexed != "" && scale == 8) {
    value = get(indexed)
    if (value == "L") liodn[i] = 1
    else if (bounded(value) && disp + 8 * top(value) + 8 <= 6400) window[i] = 1 # 0x1900: the end of the last column
    else bad(i)
  } else if (indexed == "" && disp >= 256 && disp < 6400) {
    value = get(base)
    if (value == "A") window[i] = 1; else bad(i)
  }
}

function source_is_whole(name) { return name ~ /^%/ && register(name) != "" && width == 64 }

function step(i,   n, a, o, last, v, w, k, source) {
  o = op[i]; n = split(args[i], a, "\t"); last = a[n]
  if (o ~ /^(cmp|test|bt|ucomis|comis)/) { for (k = 1; k <= n; k++) load(a[k], i); return }
  if (o ~ /^(push|pop|call)/ || last == "%rsp") forget()
  if (o ~ /^(nop|ret|j|push|data16|endbr|ud2|hlt|prefetch)/) return
  if (aside(last)) {
    spoil()
    if (o ~ /^movq?$/ && source_is_whole(a[1])) state["S" slot] = get(a[1])
    return
  }
  if (o ~ /^call/) { split("rax rcx rdx rsi rdi r8 r9 r10 r11", clobbered, " "); for (k in clobbered) state[clobbered[k]] = "?"; return }
  if (o !~ /^(lea|nop)/) for (k = 1; k < n || (n == 1 && k == 1); k++) load(a[k], i)
  if (o !~ /^(mov|lea|set)/ && n > 1) load(last, i) # reads what it changes
  if (last !~ /^%/) return
  source = a[1]; v = get(last); w = register(last) == "" ? 0 : width; k = source ~ /^[$]/ ? hex(source) : 0
  if (w == 32 && k == 4294967295) k = -1
  if (w == 0) return
  if (o ~ /^movzb/) { set(last, "n:255") }
  else if (o ~ /^movzw/) { set(last, "n:65535") }
  else if (o ~ /^movs(lq|xd)/) { set(last, source ~ /^%/ && bounded(get(source)) ? get(source) : "?") }
  else if (o ~ /^(mov|movl|movq|movabs)$/) {
    if (source ~ /^[$]/) set(last, number(k))
    else if (source ~ /^%/) { source = get(source); register(last); set(last, source) }
    else if (aside(source)) { source = state["S" slot]; register(last); set(last, source == "" ? "?" : source) }
    else { memory(source); set(last, disp == 40 && indexed == "" ? "C" : "?") } # pamu_reader.liodn_count
  }
  else if (o ~ /^lea/) { source = address(source); set(last, source) }
  else if (o ~ /^and[lq]?$/) {
    if (source ~ /^[$]/) { if (k >= 0 && (!bounded(v) || k < top(v))) set(last, w < 32 ? v : number(k)) }
    else if (source ~ /^%/) {
      source = get(source)
      if (source == "K" || v == "K") set(last, "L")
      else if (bounded(source) && (!bounded(v) || top(source) < top(v))) set(last, source)
      else if (!bounded(v)) set(last, "?")
    } else if (!bounded(v)) set(last, "?")
  }
  else if (o ~ /^(shl|sal)[lq]?$/) {
    if (n == 1) k = 1
    set(last, bounded(v) && (n == 1 || source ~ /^[$]/) ? number(top(v) * 2 ^ k) : "?")
  }
  else if (o ~ /^shr[lq]?$/) {
    if (n == 1) k = 1
    if (n > 1 && source !~ /^[$]/) set(last, bounded(v) ? v : "?")
    else set(last, bounded(v) ? number(int(top(v) / 2 ^ k)) : w - k <= 20 ? number(2 ^ (w - k) - 1) : "?")
  }
  else if (o ~ /^add[lq]?$/) {
    if (source ~ /^[$]/) set(last, k == -1 && v == "C" ? "K" : bounded(v) && k >= 0 ? number(top(v) + k) : v ~ /^[AU]$/ ? v : "?")
    else if (source ~ /^%/) {
      source = get(source)
      if (bounded(source) && bounded(v)) set(last, number(top(source) + top(v)))
      else if (source == "U" || v == "U") set(last, "U")
      else set(last, bounded(source) || bounded(v) ? "A" : "?")
    } else set(last, "?")
  }
  else if (o ~ /^(sub[lq]?|dec[lq]?)$/) { set(last, v == "C" && (o ~ /^dec/ || k == 1) ? "K" : source == last ? "n:0" : "?") }
  else if (o ~ /^or[lq]?$/) {
    source = source ~ /^[$]/ ? number(k) : get(source); register(last)
    set(last, bounded(source) && bounded(v) ? number(top(source) + top(v)) : "?")
  }
  else if (o ~ /^xor[lq]?$/) { set(last, source == last ? "n:0" : "?") }
  else if (o ~ /^cmov/) { source = source ~ /^%/ ? get(source) : "?"; register(last); set(last, join(source, v)) }
  else if (o ~ /^shrx/) { source = get(a[2]); register(last); set(last, bounded(source) ? source : "?") }
  else if (o ~ /^set/) { if (bounded(v)) state[register(last)] = number(top(v) + 1); else set(last, "?") }
  else if (o ~ /^xchg/) { set(source, "?"); set(last, "?") }
  else set(last, "?")
}

function join(one, other) {
  if (one == other) return one
  if (bounded(one) && bounded(other)) return top(one) > top(other) ? one : other
  return one == "U" || other == "U" ? "U" : "?"
}

# The state behind an instruction reaches another one, which is looked at again if that is news.
function reach(to,   k, name, old, new, news) {
  news = !(to in seen)
  for (k = 1; k <= registers; k++) {
    name = names[k]; old = before[to, name]; new = state[name]
    if (!(to in seen)) { before[to, name] = new; continue }
    new = join(old, new)
    if (new != old) { before[to, name] = ++joins[to] > 200 && new != "U" ? "?" : new; news = news || before[to, name] != old }
  }
  seen[to] = 1
  if (news && !(to in waiting)) { waiting[to] = 1; work[++pending] = to }
}

function analyse(start,   i, k, to) {
  split("", before); split("", seen); split("", waiting); split("", joins); split("", window); split("", liodn); split("", unmasked)
  pending = 0
  for (k = 1; k <= registers; k++) state[names[k]] = "?"
  reach(start)
  while (pending > 0) {
    i = work[pending--]; delete waiting[i]
    for (k = 1; k <= registers; k++) state[names[k]] = before[i, names[k]]
    delete window[i]; delete liodn[i]; delete unmasked[i]
    step(i)
    if (op[i] ~ /^(ret|ud2|hlt)/) continue
    if (op[i] ~ /^j/) {
      to = args[i]; sub(/^0x/, "", to)
      if (to in at) reach(at[to])
      else if (to ~ /^[*]/) bad(i) # a table of jumps: where it leads is not known
      if (op[i] ~ /^jmp/) continue
    }
    if (i < count) reach(i + 1)
  }
}

BEGIN { registers = split("rax rbx rcx rdx rsi rdi rbp r8 r9 r10 r11 r12 r13 r14 r15", names, " ") }

/^[0-9a-f]+ <.*>:$/ { name = $2; gsub(/[<>:]/, "", name); entry[count + 1] = name; next }

/^ +[0-9a-f]+:/ {
  address_of = $1; sub(/:$/, "", address_of)
  first = 2
  while ($first ~ /^(bnd|notrack|lock|rep|repz|repnz|cs|data16)$/) first++
  count++
  at[address_of] = count
  op[count] = $first
  text = $(first + 1)
  # Operands are divided by commas outside of parentheses.
  depth = 0; operands = ""
  for (c = 1; c <= length(text); c++) {
    letter = substr(text, c, 1)
    depth += letter == "(" ? 1 : letter == ")" ? -1 : 0
    operands = operands (letter == "," && depth == 0 ? "\t" : letter)
  }
  args[count] = operands
  lines[count] = $0
  n = split(operands, parts, "\t")
  for (c = 1; c <= n; c++) if (aside(parts[c]) && !(slot in slots)) { slots[slot] = 1; names[++registers] = "S" slot }
}

END {
  for (i = 1; i <= count; i++) {
    if (!(i in entry) || entry[i] !~ roots || entry[i] ~ /[.]cold$/) continue
    analyse(i)
    windows = liodns = wrong = 0; where = ""
    for (k in window) windows++
    for (k in liodn) liodns++
    for (k in unmasked) { wrong++; where = lines[k] }
    gsub(/[ \t]+/, " ", where)
    print entry[i], windows, liodns, wrong, where
  }
}
