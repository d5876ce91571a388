namespace PamuFastPath.Cli.Run.Reports;

/// <summary>
/// The look of the HTML report, light and dark. Heat runs from h1 (least hits) to h8, away from the page's own shade in both.
/// </summary>
internal static class HtmlStyle
{
    internal const string Css = """
        :root {
          color-scheme: light dark;
          --page: #f6f5f2; --card: #ffffff; --ink: #1d2026; --soft: #5d6470; --line: #e2e0da; --track: #efede8;
          --good: #1d7a4c; --good-bg: #e2f3e9; --bad: #b3261e; --bad-bg: #fbe6e4;
          --read: #3b6fb6; --write: #d9822b; --msi: #6b4fbb;
          --mapped: #ecebe6; --hatch: #cfccc4; --empty: #f8f7f4;
          --h1: #fdebc8; --h2: #fbd391; --h3: #f7b267; --h4: #ee8c4d; --h5: #db6546; --h6: #b94451; --h7: #8c2f5c; --h8: #591f57;
          --on-low: #4b3413; --on-high: #fff4e6;
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --page: #14161a; --card: #1c1f25; --ink: #e8e6e1; --soft: #9aa1ad; --line: #2e323b; --track: #272b33;
            --good: #6fd3a0; --good-bg: #17372a; --bad: #ff9a8f; --bad-bg: #43201d;
            --read: #6ea3ea; --write: #eba35a; --msi: #a78bfa;
            --mapped: #2b2f37; --hatch: #3a3f49; --empty: #191c21;
            --h1: #3a2440; --h2: #54284f; --h3: #752f58; --h4: #9a3c57; --h5: #c2534c; --h6: #e0763f; --h7: #f3a548; --h8: #ffdb80;
            --on-low: #f3dfe8; --on-high: #2a1604;
          }
        }
        * { box-sizing: border-box; }
        body { margin: 0; background: var(--page); color: var(--ink); }
        body { font: 15px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
        main { max-width: 1160px; margin: 0 auto; padding: 40px 24px 56px; }
        header { display: flex; justify-content: space-between; align-items: flex-start; gap: 24px; }
        h1 { font-size: 26px; line-height: 1.25; margin: 2px 0 6px; letter-spacing: -.01em; overflow-wrap: anywhere; }
        h2 { font-size: 16px; margin: 0 0 4px; }
        p { margin: 0; } .soft { color: var(--soft); } .small { font-size: 13px; }
        header p { max-width: 92ch; overflow-wrap: anywhere; }
        .eyebrow { font-size: 12px; letter-spacing: .09em; text-transform: uppercase; color: var(--soft); }
        .badge { flex: none; font-weight: 600; padding: 5px 14px; border-radius: 999px; margin-top: 8px; }
        .badge.good { color: var(--good); background: var(--good-bg); } .badge.bad { color: var(--bad); background: var(--bad-bg); }
        .tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(146px, 1fr)); gap: 12px; margin: 26px 0 14px; }
        .tile, section { background: var(--card); border: 1px solid var(--line); border-radius: 12px; }
        .tile { padding: 13px 16px 12px; }
        .tile b { display: block; font-size: 22px; line-height: 1.3; font-weight: 650; white-space: nowrap; }
        .tile b { letter-spacing: -.01em; font-variant-numeric: tabular-nums; }
        .tile.bad b { color: var(--bad); }
        section { padding: 20px 22px 22px; margin-top: 14px; min-width: 0; }
        .pair { display: grid; grid-template-columns: 1fr 1fr; gap: 14px; } .pair > section { height: calc(100% - 14px); }
        @media (max-width: 860px) { .pair { grid-template-columns: 1fr; gap: 0; } }
        svg { display: block; width: 100%; height: auto; margin-top: 14px; }
        svg text { font-family: inherit; font-variant-numeric: tabular-nums; }
        .mono { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 12.5px; }
        .legend { display: flex; flex-wrap: wrap; gap: 8px 20px; align-items: flex-end; margin-top: 14px; }
        .legend { font-size: 12.5px; color: var(--soft); }
        .legend span { display: inline-flex; align-items: center; gap: 7px; }
        .legend svg { width: 18px; height: 18px; margin: 0; flex: none; }
        .ramp { display: flex; } .ramp i { font-style: normal; width: 48px; border-top: 12px solid; padding-top: 2px; font-size: 11.5px; }
        .dot { width: 11px; height: 11px; border-radius: 3px; }
        .scroll { overflow-x: auto; }
        table { border-collapse: collapse; width: 100%; margin-top: 10px; font-size: 13.5px; font-variant-numeric: tabular-nums; }
        th { text-align: left; font-weight: 600; font-size: 12px; color: var(--soft); }
        th { padding: 5px 20px 5px 0; border-bottom: 1px solid var(--line); }
        td { padding: 5px 20px 5px 0; border-bottom: 1px solid var(--line); white-space: nowrap; }
        td:last-child, th:last-child { padding-right: 0; }
        tr:last-child td { border-bottom: 0; } .num { text-align: right; }
        .ok { color: var(--good); } .no { color: var(--bad); } tr.off td { color: var(--soft); }
        .bars { display: grid; grid-template-columns: max-content minmax(60px, 1fr) max-content; }
        .bars { gap: 7px 12px; align-items: center; margin-top: 14px; }
        .bars { font-size: 14px; } .bars .n { text-align: right; font-variant-numeric: tabular-nums; font-size: 13px; }
        .bar { display: flex; height: 14px; border-radius: 4px; overflow: hidden; background: var(--track); }
        .bar i { display: block; min-width: 1px; }
        .r { background: var(--read); } .w { background: var(--write); } .m { background: var(--msi); }
        .f { background: var(--bad); }
        .captions { display: grid; grid-template-columns: repeat(auto-fit, minmax(420px, 1fr)); gap: 6px 36px; }
        .captions h3 { font-size: 14px; margin: 14px 0 0; }
        footer { margin-top: 22px; font-size: 12.5px; color: var(--soft); overflow-wrap: anywhere; }
        """;
}
