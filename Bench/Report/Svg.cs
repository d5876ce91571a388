using System.Globalization;
using System.Net;
using System.Text;

namespace PamuFastPath.Bench.Report;

/// <summary>
/// An SVG drawing: text, lines and dots on a card with a background of its own, so that it can be read on light and dark pages alike.
/// </summary>
internal sealed class Svg
{
    /// <summary>Width of every drawing, about that of a README's column.</summary>
    internal const int Width = 860;

    private const string Style = """
        text { font: 14px system-ui, -apple-system, "Segoe UI", "Noto Sans", Helvetica, Arial, sans-serif; fill: #1f2328 }
        .card { fill: #ffffff; stroke: #d1d9e0 }
        .title { font-size: 17px; font-weight: 600 }
        .quiet { fill: #59636e; font-size: 13px }
        .strong { font-weight: 600 }
        .grid { stroke: #d1d9e0; stroke-width: 1 }
        .c0 { --c: #0969da } .c1 { --c: #bc4c00 } .c2 { --c: #1a7f37 } .c3 { --c: #8250df }
        .c4 { --c: #9a6700 } .c5 { --c: #bf3989 } .c6 { --c: #59636e }
        .dot { fill: var(--c) }
        .line { stroke: var(--c); stroke-width: 2; fill: none; stroke-linejoin: round }
        text.series { fill: var(--c) }
        @media (prefers-color-scheme: dark) {
          text { fill: #f0f6fc } .card { fill: #0d1117; stroke: #3d444d } .quiet { fill: #9198a1 } .grid { stroke: #30363d }
          .c0 { --c: #4493f8 } .c1 { --c: #f0883e } .c2 { --c: #3fb950 } .c3 { --c: #ab7df8 }
          .c4 { --c: #d29922 } .c5 { --c: #db61a2 } .c6 { --c: #9198a1 }
        }
        """;

    private readonly StringBuilder _body = new();

    /// <summary>Starts a drawing with a title and a line below it.</summary>
    internal Svg(string title, string subtitle)
    {
        Text(24, 36, title, "title");
        Text(24, 58, subtitle, "quiet");
    }

    /// <summary>Colours there are: classes c0 to c5 for series, <see cref="Gray"/> for the rest.</summary>
    internal static int Colours => 6;

    internal static string Gray => "c6";

    internal void Text(double x, double y, string text, string css = "", string anchor = "start") =>
        _body.Append($"""<text x="{N(x)}" y="{N(y)}" class="{css}" text-anchor="{anchor}">""")
            .Append(WebUtility.HtmlEncode(text))
            .AppendLine("</text>");

    internal void Line(double x1, double y1, double x2, double y2, string css) =>
        _body.AppendLine($"""<line x1="{N(x1)}" y1="{N(y1)}" x2="{N(x2)}" y2="{N(y2)}" class="{css}"/>""");

    internal void Polyline(IEnumerable<(double X, double Y)> points, string css) =>
        _body.AppendLine($"""<polyline points="{string.Join(' ', points.Select(p => $"{N(p.X)},{N(p.Y)}"))}" class="{css}"/>""");

    internal void Dot(double x, double y, double radius, string css) =>
        _body.AppendLine($"""<circle cx="{N(x)}" cy="{N(y)}" r="{N(radius)}" class="{css}"/>""");

    /// <summary>The whole file.</summary>
    internal string ToString(int height) => $"""
        <svg xmlns="http://www.w3.org/2000/svg" width="{Width}" height="{height}" viewBox="0 0 {Width} {height}" role="img">
        <style>
        {Style}
        </style>
        <rect x="0.5" y="0.5" width="{Width - 1}" height="{height - 1}" rx="8" class="card"/>
        {_body}</svg>

        """;

    /// <summary>A time as people read it: three digits, never more than the clock can tell.</summary>
    internal static string Nanoseconds(double value) =>
        (value >= 99.95 ? value.ToString("N0", CultureInfo.InvariantCulture)
        : value >= 9.995 ? value.ToString("F1", CultureInfo.InvariantCulture)
        : value.ToString("F2", CultureInfo.InvariantCulture)) + " ns";

    private static string N(double value) => value.ToString("0.#", CultureInfo.InvariantCulture);
}
