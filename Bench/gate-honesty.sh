#!/usr/bin/env bash
# Is the gate honest? Runs it RUNS times (default 20) on unchanged code, where every alarm is false, and RUNS times with a slowdown planted
# in one kernel, which it must catch every time. Works in a copy of the tree; writes perf-results/gate-honesty.md.
set -euo pipefail
runs=${1:-20}
root=$(cd "$(dirname "$0")/.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

tar -C "$root" --exclude=./.git --exclude=bin --exclude=obj --exclude=artifacts --exclude=BenchmarkDotNet.Artifacts -cf - . \
  | tar -C "$scratch" -xf -
cd "$scratch"
gate="Bench/bin/Release/net10.0/Bench gate"

# The frozen copy becomes today's engine, so that unchanged means unchanged.
dotnet build Bench -c Release -v quiet -nologo -p:AcceptedSource=../../Engine
$gate --accept 2>/dev/null | tee accept.log
dotnet build Bench -c Release -v quiet -nologo

measure() { # name of the phase; one line per run into <phase>.log
  for ((run = 1; run <= runs; run++)); do
    status=0
    line=$($gate 2>/dev/null | tail -n 1) || status=$?
    [ "$status" -le 1 ] || { echo "the gate itself failed: exit code $status" >&2; exit 2; }
    echo "$status $line" | tee -a "$1.log"
  done
}

measure unchanged

# The kernel that batches over 16 windows use here. It does the last five twelfths of a batch twice: 1.42x of its loop, about
# 1.3x of the call.
kernel=Vector256
grep -q 'batch, Vector512Registers' accept.log && kernel=Vector512
file=Engine/Translate/Batch/${kernel}Kernels.cs
cp "$file" before.cs
loop='for \(nuint i = 0; i < count; i \+= ([48])\)'
slow='for (nuint i = 0, again = count \/ 192 * 80; i < count || (again != 0 \&\& (i -= again) + (again = 0) < count); i += \1)'
sed -E -i "0,/$loop/s/$loop/$slow/" "$file"
[ "$(diff before.cs "$file" | grep -c '^>')" = 1 ] || { echo "nothing was planted in $file" >&2; exit 2; }
plant=$(diff before.cs "$file" | sed -n 's/^> *//p' || true)
dotnet build Bench -c Release -v quiet -nologo
measure planted

# Benchmarks that run the planted kernel; an alarm of any other is false.
mine="batch, ${kernel}Registers|batch, lengths|batch, 1 % faults"
false_alarms=$(grep -c '^1' unchanged.log || true)
caught=$(grep -c "^1 REGRESSION.*batch, ${kernel}Registers" planted.log || true)
strays=$(sed -n 's/^1 REGRESSION in [0-9]* s: //p' planted.log | tr ';' '\n' | grep -vcE "^ *($mine) " || true)

mkdir -p "$root/perf-results"
{
  echo "# Is the gate honest?"
  echo
  cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
  echo "\`Bench/gate-honesty.sh $runs\` on $(date -u +%F), $cpu, $(nproc) cores, .NET SDK $(dotnet --version)."
  echo
  echo "| | runs | expected | seen |"
  echo "|---|---|---|---|"
  echo "| unchanged code: alarms | $runs | 0 | $false_alarms |"
  echo "| slowdown planted in ${kernel}Kernels.Registers: caught | $runs | $runs | $caught |"
  echo "| the same runs: alarms of benchmarks that do not run that kernel | $runs | 0 | $strays |"
  echo
  echo "Planted: the kernel does the last five twelfths of a batch twice. With what a call costs besides, that is about 1.3x; the"
  echo "ratios below are what it was."
  echo
  echo '```csharp'
  echo "$plant"
  echo '```'
  for phase in unchanged planted; do
    echo
    echo "## ${phase^}, run by run"
    echo
    echo '```'
    sed 's/^[01] //' $phase.log
    echo '```'
  done
} > "$root/perf-results/gate-honesty.md"
echo "alarms on unchanged code: $false_alarms of $runs; planted and caught: $caught of $runs; strays: $strays"
[ "$false_alarms" = 0 ] && [ "$caught" = "$runs" ] && [ "$strays" = 0 ]
