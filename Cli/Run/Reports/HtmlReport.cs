using System.Globalization;
using System.Net;
using System.Text;
using PamuFastPath.Cli.Run.Traces;

namespace PamuFastPath.Cli.Run.Reports;

/// <summary>
/// The run as one HTML page that needs nothing else: no network, no script. Everything that comes from a file or the command line goes
/// through <see cref="Escape"/>.
/// </summary>
internal sealed class HtmlReport
{
    private const int TopWindows = 12;

    private readonly RunResult _result;
    private readonly StringBuilder _page = new();

    private HtmlReport(RunResult result) => _result = result;

    public static string Write(RunResult result)
    {
        var report = new HtmlReport(result);
        report.Page();
        return report._page.ToString();
    }

    private void Page()
    {
        string name = Escape(_result.Scenario.File);
        _page.Append("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">")
            .Append("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">")
            .Append("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">")
            .Append($"<title>pamu run {name}</title><style>\n{HtmlStyle.Css}\n</style></head><body><main>\n");
        Head(name);
        if (_result.Replay is ReplayResult replay)
        {
            Tiles(replay);
        }

        Map();
        if (_result.Replay is ReplayResult replayed)
        {
            WindowBars(replayed);
            _page.Append("<div class=\"pair\">");
            Messages(replayed);
            _page.Append("<div>");
            Faults(replayed);
            Devices(replayed);
            _page.Append("</div></div>\n");
            FirstFaults(replayed);
        }

        Accesses();
        Pictures();
        Footer();
        _page.Append("</main></body></html>\n");
    }

    private void Head(string name)
    {
        string badge = _result.Passed
            ? "<span class=\"badge good\">as expected</span>"
            : "<span class=\"badge bad\">not as expected</span>";
        _page.Append($"<header><div><p class=\"eyebrow\">pamu run</p><h1>{name}</h1>")
            .Append($"<p class=\"soft\">{Escape(_result.Scenario.Description)}</p>");
        foreach (string failure in _result.Failures)
        {
            _page.Append($"<p class=\"no\">{Escape(failure)}</p>");
        }

        _page.Append($"</div>{badge}</header>\n");
    }

    private void Tiles(ReplayResult replay)
    {
        _page.Append("<div class=\"tiles\">");
        Tile("accesses", Units.Count(replay.Accesses), replay.IsAccountedFor ? "all accounted for" : "not all accounted for");
        Tile("translated", Units.Count(replay.Translated), "reached memory");
        Tile("messages", Units.Count(replay.Messages), "to MSI banks");
        Tile("faults", Units.Count(replay.Faults), "refused accesses", replay.Faults > 0);
        Tile("read", Units.Bytes(replay.BytesRead), "by devices");
        Tile("written", Units.Bytes(replay.BytesWritten), "by devices");
        Tile("per access", $"{Units.Fraction(replay.NanosecondsPerAccess, "0.0")} ns", "translation alone");
        _page.Append("</div>\n");
    }

    private void Tile(string label, string value, string note, bool isBad = false) => _page
        .Append($"<div class=\"tile{(isBad ? " bad" : "")}\"><span class=\"small soft\">{label}</span>")
        .Append($"<b>{value}</b><span class=\"small soft\">{note}</span></div>");

    private void Map()
    {
        var map = new WindowMap(_result);
        _page.Append("<section><h2>Window map</h2><p class=\"small soft\">Aperture ")
            .Append($"{Units.Address(_result.Aperture.Start)} to {Units.Address(_result.Aperture.Last)}, ")
            .Append($"{_result.WindowCount} windows of {Units.PowerOfTwo(_result.WindowSize)}, {_result.Windows.Count} mapped.</p>")
            .Append(map.Svg())
            .Append(map.Legend())
            .Append("</section>\n");
    }

    private void WindowBars(ReplayResult replay)
    {
        List<WindowHits> hit = [.. replay.Windows.Where(static window => window.Hits > 0).OrderByDescending(static window => window.Hits)];
        _page.Append($"<section><h2>Windows hit most</h2><p class=\"small soft\">{Math.Min(hit.Count, TopWindows)} of {hit.Count} hit.</p>")
            .Append("<div class=\"legend\"><span><i class=\"dot r\"></i>reads</span><span><i class=\"dot w\"></i>writes</span>")
            .Append("<span><i class=\"dot m\"></i>messages</span></div><div class=\"bars\">");
        foreach (WindowHits window in hit.Take(TopWindows))
        {
            string iova = Units.Address(_result.Aperture.Start + (ulong)window.Index * _result.WindowSize);
            Bar(
                $"{window.Index} <span class=\"soft mono\">{iova}</span>",
                hit[0].Hits,
                window.Hits,
                ("r", window.Reads),
                ("w", window.Writes),
                ("m", window.Messages));
        }

        _page.Append("</div></section>\n");
    }

    private void Messages(ReplayResult replay)
    {
        _page.Append("<section><h2>Messages by MSI bank</h2>")
            .Append("<p class=\"small soft\">And the interrupts they raise.</p><div class=\"bars\">");
        long[] perBank = new long[_result.Scenario.Platform.MsiBanks.Count];
        foreach (MessageHits hits in replay.MessagesSent)
        {
            perBank[hits.Bank] += hits.Count;
        }

        for (int bank = 0; bank < perBank.Length; bank++)
        {
            Bar($"bank {bank}", perBank.Max(), perBank[bank], ("m", perBank[bank]));
        }

        _page.Append("</div>");
        if (replay.MessagesSent.Count > 0)
        {
            _page.Append("<div class=\"scroll\"><table><tr><th>bank</th><th>register</th><th>data</th><th>MSIR, bit</th><th>interrupt</th>")
                .Append("<th class=\"num\">messages</th></tr>");
            foreach (MessageHits hits in replay.MessagesSent.OrderByDescending(static hits => hits.Count).Take(TopWindows))
            {
                string data = hits.Data is uint word ? $"0x{word:x}" : "-";
                (string bit, string interrupt) = hits.Interrupt is MsiInterrupt raised
                    ? ($"{raised.Register}, {raised.Bit}", $"0x{raised.Interrupt:x}")
                    : ("-", "none");
                Row("", $"{hits.Bank}", $"0x{hits.Offset:x}", data, bit, interrupt, Number(hits.Count));
            }

            _page.Append("</table></div>");
        }

        _page.Append("</section>");
    }

    private void Faults(ReplayResult replay)
    {
        _page.Append("<section><h2>Faults by kind</h2>");
        if (replay.Faults == 0)
        {
            _page.Append("<p class=\"small soft\">None: every access of the trace was allowed.</p></section>");
            return;
        }

        string verdict = _result.Scenario.AllowFaults ? "The scenario allows them." : "The scenario does not allow them.";
        _page.Append($"<p class=\"small soft\">{verdict}</p><div class=\"bars\">");
        long most = replay.FaultsByKind.Max(static pair => pair.Count);
        foreach ((FaultKind kind, long count) in replay.FaultsByKind)
        {
            Bar(Outcome.Faulted(kind).Name, most, count, ("f", count));
        }

        _page.Append("</div></section>");
    }

    private void FirstFaults(ReplayResult replay)
    {
        if (replay.Faults == 0)
        {
            return;
        }

        _page.Append($"<section><h2>First faults</h2>")
            .Append($"<p class=\"small soft\">{replay.FirstFaults.Count} of {Units.Count(replay.Faults)}.</p>")
            .Append("<div class=\"scroll\"><table><tr><th class=\"num\">line</th><th>device</th><th>op</th><th>IOVA</th>")
            .Append("<th class=\"num\">length</th><th>kind</th><th>refused at</th></tr>");
        foreach (TraceFault fault in replay.FirstFaults)
        {
            Row(
                "",
                Number(fault.Line),
                Escape(fault.Device),
                $"{fault.Op}",
                Mono(fault.Iova),
                Number(fault.Length),
                Outcome.Faulted(fault.Kind).Name,
                Mono(fault.FaultIova));
        }

        _page.Append("</table></div></section>\n");
    }

    private void Devices(ReplayResult replay)
    {
        _page.Append("<section><h2>Devices</h2><div class=\"scroll\"><table><tr><th>device</th><th>LIODN</th><th class=\"num\">reads</th>")
            .Append("<th class=\"num\">writes</th><th class=\"num\">messages</th><th class=\"num\">faults</th></tr>");
        foreach (DeviceHits hits in replay.Devices)
        {
            Row(
                "",
                Escape(hits.Device.Name),
                $"0x{hits.Device.Liodn:x}",
                Number(hits.Reads),
                Number(hits.Writes),
                Number(hits.Messages),
                Number(hits.Faults));
        }

        _page.Append("</table></div></section>\n");
    }

    private void Accesses()
    {
        if (_result.Accesses.Count == 0)
        {
            return;
        }

        _page.Append("<section><h2>Accesses tried</h2><p class=\"small soft\">Single accesses with a known answer.</p>")
            .Append("<div class=\"scroll\"><table><tr><th></th><th>device</th><th>op</th><th>IOVA</th><th class=\"num\">length</th>")
            .Append("<th>expected</th><th>answer</th><th>target</th></tr>");
        foreach (AccessResult access in _result.Accesses)
        {
            Row(
                "",
                access.IsAsExpected ? "<span class=\"ok\">✓</span>" : "<span class=\"no\">✗</span>",
                Escape(access.Trial.Who),
                access.Trial.Access == DmaAccess.Read ? "R" : "W",
                Mono(access.Trial.Iova),
                Number(access.Trial.Length),
                access.Trial.Expect.Name,
                access.Answer.Outcome.Name,
                access.Answer.Outcome.Fault == FaultKind.None ? Mono(access.Answer.Target) : "-");
        }

        _page.Append("</table></div></section>\n");
    }

    private void Pictures()
    {
        // A scenario without pictures still shows what it ends with.
        IReadOnlyList<Picture> pictures = _result.Pictures.Count > 0 ? _result.Pictures : [new Picture("At the end", _result.Windows)];
        _page.Append("<section><h2>Window table</h2><div class=\"captions\">");
        foreach (Picture picture in pictures)
        {
            _page.Append($"<div><h3>{Escape(picture.Caption)}</h3><div class=\"scroll\"><table><tr><th>win</th><th>enabled</th>")
                .Append("<th>iova</th><th>phys</th><th>size</th><th>what for</th></tr>");
            foreach (WindowRun run in WindowRun.Of(picture.Windows))
            {
                PamuWindow first = run.First;
                string live = first.IsLive ? "<span class=\"ok\">Y</span>" : "N";
                Row(first.IsLive ? "" : "off", run.Index, live, Mono(first.Iova), Mono(first.Target), run.Size, run.Use);
            }

            _page.Append("</table></div></div>");
        }

        _page.Append("</div></section>\n");
    }

    private void Footer()
    {
        _page.Append("<footer>");
        if (_result.Replay is ReplayResult replay)
        {
            _page.Append($"Trace {Escape(replay.File)}, {Units.Count(replay.Rows)} rows, ")
                .Append($"{Units.Count(replay.Crossing)} accesses over a window's end. Translation alone: ")
                .Append($"{Units.Fraction(replay.AccessesPerSecond / 1e6, "0.0")} million accesses/s, ")
                .Append("each in a reader section of its own; ")
                .Append($"with reading, unpacking and counting {Units.Fraction(replay.WallTime.TotalMilliseconds, "0.0")} ms. ");
        }

        _page.Append("Written by pamu, PamuFastPath.</footer>");
    }

    private void Bar(string label, long scale, long total, params ReadOnlySpan<(string Class, long Count)> parts)
    {
        _page.Append($"<div>{label}</div><div class=\"bar\">");
        foreach ((string kind, long count) in parts)
        {
            if (count > 0)
            {
                _page.Append(CultureInfo.InvariantCulture, $"<i class=\"{kind}\" style=\"width:{100.0 * count / scale:0.##}%\"></i>");
            }
        }

        _page.Append($"</div><div class=\"n\">{Units.Count(total)}</div>");
    }

    private static Cell Number(long value) => new(Units.Count(value), IsNumber: true);

    private static Cell Number(ulong value) => new(value.ToString("N0", CultureInfo.InvariantCulture), IsNumber: true);

    private static string Mono(ulong address) => $"<span class=\"mono\">{Units.Address(address)}</span>";

    private void Row(string kind, params ReadOnlySpan<Cell> cells)
    {
        _page.Append(kind.Length == 0 ? "<tr>" : $"<tr class=\"{kind}\">");
        foreach (Cell cell in cells)
        {
            _page.Append(cell.IsNumber ? $"<td class=\"num\">{cell.Html}</td>" : $"<td>{cell.Html}</td>");
        }

        _page.Append("</tr>");
    }

    private static string Escape(string text) => WebUtility.HtmlEncode(text);

    /// <summary>A table cell; numbers are aligned to the right.</summary>
    private readonly record struct Cell(string Html, bool IsNumber)
    {
        public static implicit operator Cell(string html) => new(html, IsNumber: false);
    }
}
