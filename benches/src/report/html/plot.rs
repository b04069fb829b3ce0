//! Plots as SVG. All axes are logarithmic: there a factor is as wide everywhere.

use plotters::{
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use super::scale::Scale;
use crate::error::{Error, Result};

/// A colour for each target, to be told apart in light and in dark; more targets begin again.
const COLOURS: [RGBColor; 6] = [
    RGBColor(0x3B, 0x82, 0xD6),
    RGBColor(0xE0, 0x7B, 0x1A),
    RGBColor(0x8A, 0x8F, 0x98),
    RGBColor(0x1F, 0xA3, 0x7A),
    RGBColor(0xC2, 0x4F, 0xB0),
    RGBColor(0xC9, 0xA2, 0x27),
];

/// The page's style sheet has other colours for these two in the dark.
const INK: RGBColor = RGBColor(0x11, 0x11, 0x11);
const GRID: RGBColor = RGBColor(0xDD, 0xDD, 0xDD);

/// Narrow enough to be read on a phone without scrolling.
const WIDTH: u32 = 480;
const HEIGHT: u32 = 300;
/// Of text, in the units of plotters, which are 1.24 times those of SVG.
const TEXT: i32 = 18;

type Chart<'a> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<Scale, Scale>>;

/// A target's colour, for HTML.
pub(super) fn colour(target: usize) -> String {
    let RGBColor(red, green, blue) = COLOURS[target % COLOURS.len()];
    format!("#{red:02X}{green:02X}{blue:02X}")
}

/// What an axis says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Axis {
    pub(super) label: &'static str,
    pub(super) show: fn(f64) -> String,
}

/// A line of a target.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) target: usize,
    pub(super) points: Vec<(f64, f64)>,
    /// Each point is a measurement, not one of many.
    pub(super) dots: bool,
}

/// Lines of targets; nothing where there is nothing to be seen.
pub(super) fn lines(what: &str, x: Axis, y: Axis, lines: &[Line]) -> Result<String> {
    let all = || lines.iter().flat_map(|line| &line.points);
    let (Some(across), Some(up)) =
        (Scale::of(all().map(|(x, _)| *x)), Scale::of(all().map(|(_, y)| *y)))
    else {
        return Ok(String::new());
    };
    let mut svg = String::new();
    draw_lines(&mut svg, (x, across), (y, up), lines).map_err(|why| failed(what, why))?;
    Ok(labelled(what, &svg))
}

type Drawn<T> = std::result::Result<T, DrawingAreaErrorKind<std::io::Error>>;

fn draw_lines(
    svg: &mut String,
    (x, across): (Axis, Scale),
    (y, up): (Axis, Scale),
    lines: &[Line],
) -> Drawn<()> {
    let root = SVGBackend::with_string(svg, (WIDTH, HEIGHT)).into_drawing_area();
    let mut chart: Chart<'_> = ChartBuilder::on(&root)
        .margin(10)
        .margin_right(24)
        .x_label_area_size(46)
        .y_label_area_size(78)
        .build_cartesian_2d(across, up)?;
    mesh(&mut chart, x, Some(y))?;
    for Line { target, points, dots } in lines {
        let colour = COLOURS[target % COLOURS.len()];
        let points: Vec<(f64, f64)> =
            points.iter().filter(|(x, y)| *x > 0.0 && *y > 0.0).copied().collect();
        chart.draw_series([PathElement::new(points.clone(), colour.stroke_width(2))])?;
        if *dots {
            chart.draw_series(points.into_iter().map(|at| Circle::new(at, 4, colour.filled())))?;
        }
    }
    root.present()
}

fn mesh(chart: &mut Chart<'_>, x: Axis, y: Option<Axis>) -> Drawn<()> {
    let text = ("sans-serif", TEXT).into_font().color(&INK);
    let show_x = |value: &f64| (x.show)(*value);
    let show_y = |value: &f64| y.map_or_else(String::new, |y| (y.show)(*value));
    let mut mesh = chart.configure_mesh();
    mesh.x_desc(x.label).x_label_formatter(&show_x).y_label_formatter(&show_y);
    mesh.label_style(text).axis_style(GRID).bold_line_style(GRID).light_line_style(TRANSPARENT);
    match y {
        Some(y) => mesh.y_desc(y.label),
        None => mesh.disable_y_mesh().disable_y_axis(),
    };
    mesh.draw()
}

/// Rows that belong together: a shape.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) label: String,
    pub(super) rows: Vec<Row>,
}

/// A target's.
#[derive(Debug, Default)]
pub(super) struct Row {
    pub(super) target: usize,
    /// The most important.
    pub(super) centre: Option<f64>,
    /// What it is with confidence.
    pub(super) span: Option<(f64, f64)>,
    /// Every single one.
    pub(super) marks: Vec<f64>,
}

impl Row {
    fn values(&self) -> impl Iterator<Item = f64> {
        let span = self.span.into_iter().flat_map(|(low, high)| [low, high]);
        self.marks.iter().copied().chain(self.centre).chain(span)
    }
}

const ROW: usize = 11;
const GAP: usize = 10;
const LABELS: i32 = 140;

/// Values along one axis, a row for each target in the group of each shape. `beside` is shown, too,
/// where it is an axis of ratios.
pub(super) fn rows(what: &str, x: Axis, beside: Option<f64>, groups: &[Group]) -> Result<String> {
    if groups.is_empty() {
        return Ok(String::new());
    }
    let all = groups.iter().flat_map(|group| group.rows.iter().flat_map(Row::values));
    let Some(across) = Scale::of(all.chain(beside)) else { return Ok(String::new()) };
    let mut svg = String::new();
    draw_rows(&mut svg, x, across, beside, groups).map_err(|why| failed(what, why))?;
    Ok(labelled(what, &svg))
}

fn draw_rows(
    svg: &mut String,
    x: Axis,
    across: Scale,
    beside: Option<f64>,
    groups: &[Group],
) -> Drawn<()> {
    let (low, high) = (across.low, across.high);
    let height: usize = groups.iter().map(|group| group.rows.len() * ROW + GAP).sum();
    let root = SVGBackend::with_string(svg, (WIDTH, height as u32 + 56)).into_drawing_area();
    let down = Scale::rows(height as f64);
    let mut chart: Chart<'_> = ChartBuilder::on(&root)
        .margin(5)
        .margin_right(18)
        .x_label_area_size(46)
        .y_label_area_size(LABELS)
        .build_cartesian_2d(across, down)?;
    mesh(&mut chart, x, None)?;
    if let Some(beside) = beside.filter(|beside| *beside > 0.0) {
        let line = vec![(beside, 0.0), (beside, height as f64)];
        chart.draw_series([PathElement::new(line, INK.stroke_width(1))])?;
    }
    let mut top = 0.0;
    for group in groups {
        let tall = (group.rows.len() * ROW + GAP) as f64;
        let (left, middle) = chart.backend_coord(&(low, top + tall / 2.0));
        let style = ("sans-serif", TEXT).into_font().color(&INK);
        let style = style.pos(Pos::new(HPos::Right, VPos::Center));
        root.draw(&Text::new(group.label.clone(), (left - 8, middle), style))?;
        for (at, row) in group.rows.iter().enumerate() {
            draw_row(&mut chart, row, top + (GAP / 2 + at * ROW + ROW / 2) as f64)?;
        }
        top += tall;
        let line = vec![(low, top), (high, top)];
        chart.draw_series([PathElement::new(line, GRID.stroke_width(1))])?;
    }
    root.present()
}

fn draw_row(chart: &mut Chart<'_>, row: &Row, at: f64) -> Drawn<()> {
    let colour = COLOURS[row.target % COLOURS.len()];
    if let Some((low, high)) = row.span {
        let line = vec![(low, at), (high, at)];
        chart.draw_series([PathElement::new(line, colour.stroke_width(2))])?;
    }
    let marks = row.marks.iter().filter(|value| **value > 0.0);
    let mark = |value: &f64| Circle::new((*value, at), 4, colour.mix(0.45).filled());
    chart.draw_series(marks.map(mark))?;
    let centre = row.centre.map(|value| Circle::new((value, at), 4, colour.filled()));
    chart.draw_series(centre)?;
    Ok(())
}

/// As wide as there is room, with a text for who can't see it.
fn labelled(what: &str, svg: &str) -> String {
    let what = super::escape(what);
    let size = svg.find("viewBox").unwrap_or_default();
    format!("<svg role=\"img\" aria-label=\"{what}\" {}", &svg[size..])
}

fn failed(what: &str, why: impl std::fmt::Display) -> Error {
    Error::Plot { what: what.to_owned(), why: why.to_string() }
}
